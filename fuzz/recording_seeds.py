"""Writes seeds/recording anew, out of ../tests/data: fuzz/recording_seeds.py. Needs the Python package `mcap`."""

import pathlib

from mcap.reader import make_reader
from mcap.writer import CompressionType, IndexType, Writer

HERE = pathlib.Path(__file__).parent
SEEDS = HERE / "seeds" / "recording"


def records(name):
    with open(HERE.parent / "tests" / "data" / name, "rb") as file:
        for _, channel, message in make_reader(file).iter_messages(log_time_order=False):
            yield channel.topic.rsplit("/")[-1], channel, message


def some(name, counts):
    """The first records of each kind, so many."""
    counts = dict(counts)
    for kind, channel, message in records(name):
        if counts.get(kind, 0) > 0:
            counts[kind] -= 1
            yield channel, message


def write(name, chosen, **how):
    with open(SEEDS / name, "wb") as file:
        writer = Writer(file, **how)
        writer.start(profile="zbqtop", library="seeds")
        channels = {}
        for channel, message in chosen:
            if channel.topic not in channels:
                channels[channel.topic] = writer.register_channel(channel.topic, channel.message_encoding, 0)
            writer.add_message(channels[channel.topic], message.log_time, message.data, message.log_time)
        writer.finish()


SEEDS.mkdir(parents=True, exist_ok=True)
SMALL = {"index_types": IndexType.NONE, "use_statistics": False, "use_summary_offsets": False}
PLAIN = {"compression": CompressionType.NONE, "enable_crcs": False}
write("recording", some("recording-2.mcap", {"state": 1, "events": 1, "messages": 20}))
write("packed", some("recording-2.mcap", {"state": 2, "events": 2, "messages": 6}), chunk_size=2000, **SMALL)
write("plain", some("recording-2.mcap", {"state": 1, "messages": 8}), **PLAIN)
write("unchunked", some("recording-2.mcap", {"state": 1, "messages": 8}), use_chunking=False, **SMALL)
write("dump", some("dump-2.mcap", {"state": 1, "pages": 2}), **SMALL)
# Choices, not bytes: see `chosen` in src/recording/fuzz.rs.
(SEEDS / "choices_records").write_bytes(bytes(range(1, 200)).join([b"\0", b"\x08"]))
(SEEDS / "choices_pages").write_bytes(b"\0" + b"\x08" + bytes([0, 3, 4, 9, 0, 4, 3, 2, 1]) * 40)
