"""What the Python package `mcap` finds in a recording, as JSON."""

import json
import sys

from mcap.reader import make_reader

with open(sys.argv[1], "rb") as file:
    reader = make_reader(file, validate_crcs=True)
    summary = reader.get_summary()
    header = reader.get_header()
    channels = {}
    for schema, channel, message in reader.iter_messages(log_time_order=False):
        found = channels.setdefault(
            channel.topic,
            {
                "encoding": channel.message_encoding,
                "metadata": channel.metadata,
                "schema": schema and [schema.name, schema.encoding, json.loads(schema.data)["type"]],
                "counted": summary.statistics.channel_message_counts[channel.id],
                "messages": 0,
                "bytes": 0,
            },
        )
        found["messages"] += 1
        found["bytes"] += len(message.data)
        if channel.message_encoding == "json":
            found["last"] = json.loads(message.data)
    print(json.dumps({"profile": header.profile, "library": header.library, "channels": channels}))
