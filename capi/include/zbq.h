/* The C interface of zbq, as libzbq has it. Generated from its sources. */

#ifndef ZBQ_H
#define ZBQ_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define ZBQ_ALIGNED(x) __attribute__((aligned(x)))


/*
 Most descriptors that one message can carry.
 */
#define ZBQ_MAX_FD_PER_MSG 253

/*
 What messages of the reference's own programs are aligned to.
 */
#define ZBQ_MSG_ALIGN 16

/*
 What a function answers.
 */
enum zbq_error {
  ZBQ_OK = 0,
  ZBQ_ERROR_INVALID = -1,
  ZBQ_ERROR_NOMEM = -2,
  ZBQ_ERROR_AGAIN = -3,
  ZBQ_ERROR_IO = -4,
  ZBQ_ERROR_PROTOCOL = -5,
  ZBQ_ERROR_OVERFLOW = -6,
  ZBQ_ERROR_NOENT = -7,
};

/*
 How a consumer learns of new messages.
 */
enum zbq_wakeup_mode {
  ZBQ_WAKEUP_PUSH = 0,
  ZBQ_WAKEUP_PULL = 1,
};

/*
 What else a commit does.
 */
enum zbq_commit_flags {
  ZBQ_COMMIT_NONE = 0,
  ZBQ_COMMIT_FORCE_SCAN = 1,
};

/*
 The consuming end of a ring.
 */
struct zbq_consumer;

/*
 The producing end of a ring.
 */
struct zbq_producer;

/*
 What stands before each payload.
 */
struct ZBQ_ALIGNED(16) zbq_msg_header {
  uint32_t payload_len;
  uint8_t fd_count;
  uint8_t flags;
  uint16_t reserved;
  uint64_t seq_id;
};

/*
 The message at the tail, where it lies.
 */
struct zbq_msg_view {
  const struct zbq_msg_header *header;
  const void *payload;
  uint64_t payload_len;
  uint64_t logical_offset;
  uint64_t total_len;
};

/*
 The control region, shared by all.
 */
struct ZBQ_ALIGNED(64) zbq_control_region {
  uint64_t producer_head;
  uint8_t _pad0[56];
  uint32_t broadcast_futex;
  uint8_t _pad1[60];
  int32_t producer_pid;
  uint8_t _pad2[60];
  uint64_t ring_capacity;
  uint64_t clog_threshold;
  uint64_t stall_timeout_ns;
  uint8_t reserved[40];
};

/*
 A consumer's page, shared by it and the producer.
 */
struct ZBQ_ALIGNED(4096) zbq_consumer_metadata {
  uint64_t tail_offset;
  uint64_t progress_timestamp;
  uint64_t join_baseline;
  uint8_t reserved[4072];
};

/*
 What a ring is made of.
 */
struct zbq_producer_params {
  uint64_t ring_capacity;
  uint64_t clog_threshold;
  uint64_t stall_timeout_ns;
  uint32_t max_consumers;
};

/*
 Free bytes at head.
 */
struct zbq_contiguous_run {
  void *base;
  uint64_t max_bytes;
  uint64_t offset;
};

/*
 What a producer answers a consumer that joins.
 */
struct zbq_join_payload {
  uint64_t ring_capacity;
  uint64_t join_baseline;
  uint64_t initial_head;
  int32_t producer_pid;
  uint32_t slot_index;
  uint32_t wakeup_mode;
  uint8_t reserved[28];
};

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Joins a ring over a connected rendezvous socket. Waits for the answer as long as it takes.

 # Safety
 `rendezvous_fd` is a socket, `out` NULL or to be written.
 */
int zbq_consumer_join(int rendezvous_fd, int mode, struct zbq_consumer **out);

/*
 Unmaps the ring. The producer is not told.

 # Safety
 `cons` is NULL, or a handle that is not used again.
 */
void zbq_consumer_destroy(struct zbq_consumer *cons);

/*
 Whether the producer's process is there.

 # Safety
 `cons` is NULL or a handle.
 */
bool zbq_consumer_is_producer_alive(struct zbq_consumer *cons);

/*
 Bytes ever committed.

 # Safety
 `cons` is NULL or a handle.
 */
uint64_t zbq_consumer_acquire_head(const struct zbq_consumer *cons);

/*
 Looks at the message at the tail, where it lies.

 # Safety
 `cons` is NULL or a handle, `out` NULL or to be written.
 */
int zbq_consumer_peek(struct zbq_consumer *cons, struct zbq_msg_view *out);

/*
 Takes the descriptors of a message.

 # Safety
 `cons` is NULL or a handle, `out_fds` NULL or room for 253 of them, `out_fd_count` NULL or to be written.
 */
int zbq_consumer_recv_fds(struct zbq_consumer *cons,
                          uint64_t expected_seq_id,
                          int *out_fds,
                          uint8_t *out_fd_count);

/*
 Releases everything below `new_tail`.

 # Safety
 `cons` is NULL or a handle.
 */
void zbq_consumer_publish(struct zbq_consumer *cons, uint64_t new_tail);

/*
 To be taken before looking for messages, and handed to `zbq_consumer_wait_broadcast` if there are none.

 # Safety
 `cons` is NULL or a handle.
 */
uint32_t zbq_consumer_get_futex_token(const struct zbq_consumer *cons);

/*
 Sleeps until the producer commits, if it has not since `token` was taken.

 # Safety
 `cons` is NULL or a handle.
 */
int zbq_consumer_wait_broadcast(struct zbq_consumer *cons, uint32_t token);

/*
 Logical offset up to which this consumer has released the ring.

 # Safety
 `cons` is NULL or a handle.
 */
uint64_t zbq_consumer_tail(const struct zbq_consumer *cons);

/*
 The control region, mapped for reading.

 # Safety
 `cons` is NULL or a handle.
 */
const struct zbq_control_region *zbq_consumer_ctrl(const struct zbq_consumer *cons);

/*
 This consumer's own page, mapped for writing.

 # Safety
 `cons` is NULL or a handle.
 */
struct zbq_consumer_metadata *zbq_consumer_meta(struct zbq_consumer *cons);

/*
 Makes a ring without consumers.

 # Safety
 `out` and `params` are NULL, or to be written and read.
 */
int zbq_producer_create(struct zbq_producer **out, const struct zbq_producer_params *params);

/*
 Evicts every consumer, and unmaps the ring.

 # Safety
 `prod` is NULL, or a handle that is not used again.
 */
void zbq_producer_destroy(struct zbq_producer *prod);

/*
 Answers a consumer that has connected, and gives it a slot in `mode`. Waits for it as long as it takes.

 # Safety
 `prod` is NULL or a handle, `conn_fd` a socket, `out_slot_id` NULL or to be written.
 */
int zbq_producer_handshake(struct zbq_producer *prod,
                           int conn_fd,
                           int mode,
                           uint32_t *out_slot_id);

/*
 Offers the free bytes at head; none: NULL.

 # Safety
 `prod` is NULL or a handle.
 */
struct zbq_contiguous_run zbq_producer_query(struct zbq_producer *prod);

/*
 Commits the first bytes of what was offered last.

 # Safety
 `prod` is NULL or a handle.
 */
bool zbq_producer_commit(struct zbq_producer *prod, uint64_t written_bytes, int flags);

/*
 Hands out the next `seq_id`.

 # Safety
 `prod` is NULL or a handle.
 */
uint64_t zbq_producer_next_seq_id(struct zbq_producer *prod);

/*
 Sends descriptors to every consumer; tells to how many.

 # Safety
 `prod` is NULL or a handle, `fds` NULL or so many descriptors, which are open.
 */
int zbq_producer_broadcast_fds(struct zbq_producer *prod,
                               uint64_t seq_id,
                               const int *fds,
                               uint8_t fd_count);

/*
 Evicts whose tail is impossible, who has ended, and who has not moved for too long.

 # Safety
 `prod` is NULL or a handle.
 */
int zbq_producer_scan(struct zbq_producer *prod);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ZBQ_H */
