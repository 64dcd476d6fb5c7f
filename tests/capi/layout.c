/* Every size, offset and number of the interface, by whichever zbq.h it is compiled with. */
#include <stddef.h>
#include <stdio.h>
#include <zbq.h>

#define NUMBER(name) printf(#name " %lld\n", (long long)(name))
#define SIZE(type) printf(#type " %zu aligned %zu\n", sizeof(struct type), _Alignof(struct type))
#define FIELD(type, field) \
    printf(#type "." #field " %zu %zu\n", offsetof(struct type, field), sizeof(((struct type *)0)->field))

int main(void) {
    NUMBER(ZBQ_MAX_FD_PER_MSG);
    NUMBER(ZBQ_MSG_ALIGN);
    NUMBER(ZBQ_OK);
    NUMBER(ZBQ_ERROR_INVALID);
    NUMBER(ZBQ_ERROR_NOMEM);
    NUMBER(ZBQ_ERROR_AGAIN);
    NUMBER(ZBQ_ERROR_IO);
    NUMBER(ZBQ_ERROR_PROTOCOL);
    NUMBER(ZBQ_ERROR_OVERFLOW);
    NUMBER(ZBQ_ERROR_NOENT);
    NUMBER(ZBQ_WAKEUP_PUSH);
    NUMBER(ZBQ_WAKEUP_PULL);
    NUMBER(ZBQ_COMMIT_NONE);
    NUMBER(ZBQ_COMMIT_FORCE_SCAN);
    NUMBER(sizeof(enum zbq_error));
    NUMBER(sizeof(enum zbq_wakeup_mode));
    NUMBER(sizeof(enum zbq_commit_flags));

    SIZE(zbq_control_region);
    FIELD(zbq_control_region, producer_head);
    FIELD(zbq_control_region, _pad0);
    FIELD(zbq_control_region, broadcast_futex);
    FIELD(zbq_control_region, _pad1);
    FIELD(zbq_control_region, producer_pid);
    FIELD(zbq_control_region, _pad2);
    FIELD(zbq_control_region, ring_capacity);
    FIELD(zbq_control_region, clog_threshold);
    FIELD(zbq_control_region, stall_timeout_ns);
    FIELD(zbq_control_region, reserved);

    SIZE(zbq_consumer_metadata);
    FIELD(zbq_consumer_metadata, tail_offset);
    FIELD(zbq_consumer_metadata, progress_timestamp);
    FIELD(zbq_consumer_metadata, join_baseline);
    FIELD(zbq_consumer_metadata, reserved);

    SIZE(zbq_msg_header);
    FIELD(zbq_msg_header, payload_len);
    FIELD(zbq_msg_header, fd_count);
    FIELD(zbq_msg_header, flags);
    FIELD(zbq_msg_header, reserved);
    FIELD(zbq_msg_header, seq_id);

    SIZE(zbq_producer_params);
    FIELD(zbq_producer_params, ring_capacity);
    FIELD(zbq_producer_params, clog_threshold);
    FIELD(zbq_producer_params, stall_timeout_ns);
    FIELD(zbq_producer_params, max_consumers);

    SIZE(zbq_contiguous_run);
    FIELD(zbq_contiguous_run, base);
    FIELD(zbq_contiguous_run, max_bytes);
    FIELD(zbq_contiguous_run, offset);

    SIZE(zbq_msg_view);
    FIELD(zbq_msg_view, header);
    FIELD(zbq_msg_view, payload);
    FIELD(zbq_msg_view, payload_len);
    FIELD(zbq_msg_view, logical_offset);
    FIELD(zbq_msg_view, total_len);

    SIZE(zbq_join_payload);
    FIELD(zbq_join_payload, ring_capacity);
    FIELD(zbq_join_payload, join_baseline);
    FIELD(zbq_join_payload, initial_head);
    FIELD(zbq_join_payload, producer_pid);
    FIELD(zbq_join_payload, slot_index);
    FIELD(zbq_join_payload, wakeup_mode);
    FIELD(zbq_join_payload, reserved);
    return 0;
}
