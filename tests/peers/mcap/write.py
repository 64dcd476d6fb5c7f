"""A recording written anew by the Python package `mcap`, in many ways, with channels of another program in between: FROM DIRECTORY.

Prints the names of the files. In those called foreign-… there is nothing but the other program's.
"""

import itertools
import os
import sys

from mcap.reader import make_reader
from mcap.writer import CompressionType, IndexType, Writer

with open(sys.argv[1], "rb") as file:
    ours = list(make_reader(file).iter_messages(log_time_order=False))

WAYS = {
    "zstd": {"compression": CompressionType.ZSTD},
    "lz4": {"compression": CompressionType.LZ4},
    "plain": {"compression": CompressionType.NONE},
    "unchunked": {"use_chunking": False},
    "small": {"chunk_size": 1000},
}
INDEXES = {
    "all": {},
    "no-index": {"index_types": IndexType.NONE},
    "chunk-index": {"index_types": IndexType.CHUNK},
    "no-statistics": {"use_statistics": False, "use_summary_offsets": False},
    "no-channels": {"repeat_channels": False, "repeat_schemas": False},
    "bare": {
        "index_types": IndexType.NONE,
        "use_statistics": False,
        "use_summary_offsets": False,
        "repeat_channels": False,
        "repeat_schemas": False,
        "enable_crcs": False,
    },
}
for (way, how), (index, indexed), rings in itertools.product(WAYS.items(), INDEXES.items(), (True, False)):
    name = f"{'rings' if rings else 'foreign'}-{way}-{index}.mcap"
    with open(os.path.join(sys.argv[2], name), "wb") as file:
        writer = Writer(file, **how, **indexed)
        writer.start(profile="", library="another")
        schema = writer.register_schema("thing", "jsonschema", b'{"type":"object"}')
        foreign = [
            writer.register_channel("/camera", "json", schema),
            writer.register_channel("zbq/it/state", "cbor", 0),
        ]
        channels = {}
        for number, (old_schema, channel, message) in enumerate(ours):
            writer.add_message(foreign[number % 2], message.log_time, b"{}", message.log_time)
            if not rings:
                continue
            if channel.topic not in channels:
                channels[channel.topic] = writer.register_channel(
                    channel.topic, channel.message_encoding, schema if old_schema else 0, channel.metadata
                )
            writer.add_message(channels[channel.topic], message.log_time, message.data, message.log_time)
        writer.add_attachment(0, 0, "a", "text/plain", b"attached")
        writer.add_metadata("m", {"a": "b"})
        writer.finish()
    print(name)
