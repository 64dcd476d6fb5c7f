/* Every function of the interface, NULL and other nonsense among what it is called with; says what each answered. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zbq.h>

#define SAY(call) printf(#call " -> %lld\n", (long long)(call))

static int conns[2];
static struct zbq_consumer *consumer;

static void *joins(void *mode) {
    int code = zbq_consumer_join(conns[1], *(enum zbq_wakeup_mode *)mode, &consumer);
    if (code != 0) printf("join %d\n", code);
    return NULL;
}

static struct zbq_consumer *join(struct zbq_producer *producer, enum zbq_wakeup_mode mode) {
    pthread_t thread;
    uint32_t slot = 99;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, conns) != 0) return NULL;
    pthread_create(&thread, NULL, joins, &mode);
    SAY(zbq_producer_handshake(producer, conns[0], mode, &slot));
    pthread_join(thread, NULL);
    printf("slot %u\n", slot);
    close(conns[0]);
    close(conns[1]);
    return consumer;
}

static bool send_message(struct zbq_producer *producer, const char *text, uint8_t fd_count) {
    struct zbq_contiguous_run run = zbq_producer_query(producer);
    size_t length = strlen(text), total = sizeof(struct zbq_msg_header) + (length + 15) / 16 * 16;
    struct zbq_msg_header *header = run.base;
    if (run.max_bytes < total) return false;
    memset(header, 0, total);
    header->payload_len = (uint32_t)(total - sizeof *header);
    header->fd_count = fd_count;
    header->seq_id = zbq_producer_next_seq_id(producer);
    memcpy(header + 1, text, length);
    return zbq_producer_commit(producer, total, ZBQ_COMMIT_NONE);
}

static void take(struct zbq_consumer *from) {
    struct zbq_msg_view view;
    int code = zbq_consumer_peek(from, &view);
    if (code != 0) {
        printf("peek %d\n", code);
        return;
    }
    printf("%llu: %.*s (%llu bytes, seq %llu, %u descriptors)\n", (unsigned long long)view.logical_offset,
           (int)view.payload_len, (const char *)view.payload, (unsigned long long)view.total_len,
           (unsigned long long)view.header->seq_id, view.header->fd_count);
    zbq_consumer_publish(from, view.logical_offset + view.total_len);
}

int main(void) {
    struct zbq_producer_params params = {4096, 3, 1000000000ull, 2};
    struct zbq_producer *producer = NULL;
    struct zbq_msg_view view;
    uint32_t slot;
    int fds[253], memfd = memfd_create("sent", 0);
    uint8_t count = 0;

    SAY(zbq_producer_create(NULL, &params));
    SAY(zbq_producer_create(&producer, NULL));
    params.ring_capacity = 1000;
    SAY(zbq_producer_create(&producer, &params));
    params.ring_capacity = 0;
    SAY(zbq_producer_create(&producer, &params));
    params.ring_capacity = 4096;
    params.max_consumers = 0;
    SAY(zbq_producer_create(&producer, &params));
    params.max_consumers = 2;
    SAY(zbq_producer_create(&producer, &params));

    SAY(zbq_producer_handshake(NULL, 0, ZBQ_WAKEUP_PULL, &slot));
    SAY(zbq_producer_handshake(producer, -1, ZBQ_WAKEUP_PULL, &slot));
    SAY(zbq_producer_handshake(producer, 0, 7, &slot));
    SAY(zbq_producer_handshake(producer, 0, ZBQ_WAKEUP_PULL, NULL));
    SAY(zbq_producer_query(NULL).max_bytes);
    SAY(zbq_producer_commit(NULL, 0, ZBQ_COMMIT_NONE));
    SAY(zbq_producer_next_seq_id(NULL));
    SAY(zbq_producer_scan(NULL));
    SAY(zbq_producer_broadcast_fds(NULL, 1, fds, 1));
    SAY(zbq_producer_broadcast_fds(producer, 1, NULL, 1));
    SAY(zbq_producer_broadcast_fds(producer, 1, fds, 0));
    SAY(zbq_producer_broadcast_fds(producer, 1, fds, 254));
    SAY(zbq_consumer_join(-1, ZBQ_WAKEUP_PULL, &consumer));
    SAY(zbq_consumer_join(0, 7, &consumer));
    SAY(zbq_consumer_join(0, ZBQ_WAKEUP_PULL, NULL));
    SAY(zbq_consumer_is_producer_alive(NULL));
    SAY(zbq_consumer_acquire_head(NULL));
    SAY(zbq_consumer_peek(NULL, &view));
    SAY(zbq_consumer_recv_fds(NULL, 1, fds, &count));
    zbq_consumer_publish(NULL, 1);
    SAY(zbq_consumer_get_futex_token(NULL));
    SAY(zbq_consumer_wait_broadcast(NULL, 0));
    SAY(zbq_consumer_tail(NULL));
    SAY(zbq_consumer_ctrl(NULL) == NULL);
    SAY(zbq_consumer_meta(NULL) == NULL);
    zbq_producer_destroy(NULL);
    zbq_consumer_destroy(NULL);

    struct zbq_consumer *pull = join(producer, ZBQ_WAKEUP_PULL);
    struct zbq_consumer *push = join(producer, ZBQ_WAKEUP_PUSH);
    SAY(zbq_consumer_peek(pull, NULL));
    SAY(zbq_consumer_peek(pull, &view));
    SAY(zbq_consumer_is_producer_alive(pull));
    SAY(zbq_consumer_ctrl(pull)->ring_capacity);
    SAY(zbq_consumer_ctrl(pull)->producer_pid == getpid());
    SAY(zbq_consumer_meta(pull)->tail_offset);

    uint32_t token = zbq_consumer_get_futex_token(push);
    SAY(send_message(producer, "one", 0));
    SAY(zbq_consumer_get_futex_token(push) - token);
    SAY(zbq_consumer_wait_broadcast(push, token));
    take(pull);
    take(push);
    SAY(zbq_consumer_tail(pull));
    SAY(zbq_consumer_meta(pull)->tail_offset);
    SAY(zbq_consumer_acquire_head(pull));

    /* Descriptors, before the message that they belong to. */
    SAY(zbq_producer_broadcast_fds(producer, 2, &memfd, 1));
    SAY(send_message(producer, "two", 1));
    take(pull);
    take(push);
    SAY(zbq_consumer_recv_fds(pull, 2, NULL, &count));
    SAY(zbq_consumer_recv_fds(pull, 2, fds, &count));
    SAY(count);
    SAY(fcntl(fds[0], F_GETFD) >= 0);
    SAY(zbq_consumer_recv_fds(push, 2, fds, &count));

    /* Too much, none, in part, and past the lap's end. */
    struct zbq_contiguous_run run = zbq_producer_query(producer);
    printf("offered %llu at %llu\n", (unsigned long long)run.max_bytes, (unsigned long long)run.offset);
    SAY(zbq_producer_commit(producer, run.max_bytes + 1, ZBQ_COMMIT_NONE));
    ((struct zbq_msg_header *)run.base)->payload_len = 5000;
    SAY(zbq_producer_commit(producer, 16, ZBQ_COMMIT_FORCE_SCAN));
    SAY(zbq_producer_commit(producer, 16, ZBQ_COMMIT_NONE));
    SAY(zbq_consumer_peek(pull, &view));
    run = zbq_producer_query(producer);
    SAY(zbq_producer_commit(producer, run.max_bytes, ZBQ_COMMIT_NONE));
    SAY(zbq_consumer_peek(pull, &view));
    run = zbq_producer_query(producer);
    printf("offered %llu at %llu\n", (unsigned long long)run.max_bytes, (unsigned long long)run.offset);

    /* Everybody is behind: a lie is evicted by the scan after as many tries as were said. */
    zbq_consumer_publish(push, 1ull << 40);
    for (int tries = 0; tries < 6; tries++) {
        run = zbq_producer_query(producer);
        printf("offered %llu, %s\n", (unsigned long long)run.max_bytes, run.base ? "somewhere" : "nowhere");
    }
    SAY(zbq_producer_scan(producer));
    SAY(zbq_consumer_recv_fds(push, 3, fds, &count));

    zbq_consumer_destroy(push);
    zbq_consumer_destroy(pull);
    zbq_producer_destroy(producer);
    printf("done\n");
    return 0;
}
