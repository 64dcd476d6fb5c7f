-- Dissects messages of zbq rings, as `zbqtop tail --format pcapng` writes them. Installed by `zbqtop wireshark install`.
--
-- A packet of link type USER0 is a record of 24 bytes, little-endian: u8 version 1; u8 kind (1 message, 2 gap, 3 more of
-- the message before); u8 integrity (0 intact, 1 likely, 2 torn); u8 zero; u32 uncertainty of the time, us; u64 logical
-- offset; u64 skipped bytes. Then of a message its header of 16 bytes (u32 payload_len, u8 fd_count, u8 flags,
-- u16 reserved, u64 seq_id) and its payload; of a gap the reason, in words.

local RECORD, HEADER = 24, 16
local MESSAGE, GAP, CONTINUATION = 1, 2, 3
local FILLER = 0x80
local ANY_LONGER = 0xffffffff

local zbq = Proto("zbq", "zbq ring message")

local kinds = { [MESSAGE] = "message", [GAP] = "gap", [CONTINUATION] = "continuation" }
local integrities = { [0] = "intact", [1] = "likely", [2] = "torn" }

local f = {
    version = ProtoField.uint8("zbq.version", "Record version"),
    kind = ProtoField.uint8("zbq.kind", "Kind", base.DEC, kinds),
    integrity = ProtoField.uint8("zbq.integrity", "Integrity", base.DEC, integrities),
    uncertainty = ProtoField.uint32("zbq.uncertainty_us", "Uncertainty of the time (us)"),
    offset = ProtoField.uint64("zbq.offset", "Offset"),
    skipped_bytes = ProtoField.uint64("zbq.skipped_bytes", "Skipped bytes"),
    reason = ProtoField.string("zbq.reason", "Reason"),
    payload_len = ProtoField.uint32("zbq.payload_len", "Payload length"),
    fd_count = ProtoField.uint8("zbq.fd_count", "File descriptors"),
    flags = ProtoField.uint8("zbq.flags", "Flags", base.HEX),
    reserved = ProtoField.uint16("zbq.reserved", "Reserved", base.HEX),
    seq = ProtoField.uint64("zbq.seq", "Sequence id"),
    payload = ProtoField.bytes("zbq.payload", "Payload"),
    -- From the packets before it, of the same ring.
    next_offset = ProtoField.uint64("zbq.next_offset", "Next offset"),
    missing = ProtoField.uint64("zbq.missing", "Messages missing before this one"),
    previous = ProtoField.framenum("zbq.previous", "Previous message in frame"),
}
zbq.fields = f

local e = {
    gap = ProtoExpert.new("zbq.expert.gap", "Bytes were skipped", expert.group.SEQUENCE, expert.severity.WARN),
    torn = ProtoExpert.new("zbq.expert.torn", "Torn: it may have been overwritten while it was copied",
        expert.group.CHECKSUM, expert.severity.WARN),
    missing = ProtoExpert.new("zbq.expert.missing", "Messages before this one are not in the capture",
        expert.group.SEQUENCE, expert.severity.NOTE),
    backwards = ProtoExpert.new("zbq.expert.backwards", "The sequence id is not greater than the one before",
        expert.group.SEQUENCE, expert.severity.WARN),
    cut = ProtoExpert.new("zbq.expert.cut", "The payload is not all in this packet",
        expert.group.UNDECODED, expert.severity.NOTE),
    malformed = ProtoExpert.new("zbq.expert.malformed", "Not a zbq record", expert.group.MALFORMED, expert.severity.ERROR),
}
zbq.experts = { e.gap, e.torn, e.missing, e.backwards, e.cut, e.malformed }

local DATA, JSON, CBOR, MSGPACK, PROTOBUF = 0, 1, 2, 3, 4
zbq.prefs.payload = Pref.enum("Payload is", DATA, "The dissector that payloads are handed to", {
    { 1, "data", DATA },
    { 2, "json", JSON },
    { 3, "cbor", CBOR },
    { 4, "msgpack", MSGPACK },
    { 5, "protobuf", PROTOBUF },
}, false)
zbq.prefs.protobuf_type = Pref.string("Protobuf type", "",
    "With protobuf: the full name of the message type, such as pkg.Quote; .proto files are found by the preferences of Protobuf")
zbq.prefs.guess = Pref.bool("Guess what payloads are", false,
    "Hand payloads that look like JSON, MessagePack or CBOR to their dissectors, where \"Payload is\" says data")

local dissectors = { [DATA] = "data", [JSON] = "json", [CBOR] = "cbor", [MSGPACK] = "msgpack", [PROTOBUF] = "protobuf" }

local interface_id = Field.new("frame.interface_id")
local interface_name = Field.new("frame.interface_name")

-- What the first pass found: by interface the last message, by frame what it lacks. Sequence ids and offsets are UInt64.
local last, found

function zbq.init()
    last, found = {}, {}
end

-- A byte that begins a map or an array, in MessagePack and in CBOR.
local function guess(payload)
    local first = payload(0, 1):uint()
    if first == 0x7b or first == 0x5b then
        return JSON
    elseif (first >= 0x80 and first <= 0x8f) or first == 0xde or first == 0xdf then
        return MSGPACK
    elseif first >= 0xa1 and first <= 0xbf then
        return CBOR
    end
    return DATA
end

local function dissect_payload(payload, pinfo, root)
    local kind = zbq.prefs.payload
    if kind == DATA and zbq.prefs.guess then
        kind = guess(payload)
    end
    if kind == PROTOBUF and zbq.prefs.protobuf_type ~= "" then
        pinfo.private["pb_msg_type"] = "message," .. zbq.prefs.protobuf_type
    end
    local dissector = Dissector.get(dissectors[kind] or "data")
    -- They write into the columns, too.
    local info = tostring(pinfo.cols.info)
    local ok = pcall(dissector.call, dissector, payload:tvb(), pinfo, root)
    pinfo.cols.info = info
    pinfo.cols.protocol = "zbq"
    return ok
end

-- On the first pass: what stands between this message and the one before on its ring.
local function follow(pinfo, seq)
    local id = interface_id()
    id = id and id.value or 0
    local before = last[id]
    if before then
        local entry = { previous = before.frame }
        if seq <= before.seq then
            entry.backwards = true
        else
            local missing = seq - before.seq - UInt64(1)
            if missing > UInt64(0) then
                entry.missing = missing
            end
        end
        found[pinfo.number] = entry
    end
    last[id] = { seq = seq, frame = pinfo.number }
end

local function dissect_gap(tvb, pinfo, tree, skipped)
    local reason = ""
    if tvb:len() > RECORD then
        reason = tvb(RECORD):string(ENC_UTF_8)
        tree:add_packet_field(f.reason, tvb(RECORD), ENC_UTF_8)
    end
    pinfo.cols.info = "skipped " .. tostring(skipped) .. " bytes: " .. reason
    tree:append_text(", gap of " .. tostring(skipped) .. " bytes")
    tree:add_proto_expert_info(e.gap, "Skipped " .. tostring(skipped) .. " bytes: " .. reason)
end

local function dissect_message(tvb, pinfo, tree, root)
    local header = tvb(RECORD, HEADER)
    local length, fds, flags = header(0, 4):le_uint(), header(4, 1):uint(), header(5, 1):uint()
    local seq = header(8, 8):le_uint64()
    tree:add_le(f.payload_len, header(0, 4))
    tree:add_le(f.fd_count, header(4, 1))
    tree:add_le(f.flags, header(5, 1))
    tree:add_le(f.reserved, header(6, 2))
    local seq_item = tree:add_le(f.seq, header(8, 8))
    tree:add(f.next_offset, tvb(8, 8), tvb(8, 8):le_uint64() + UInt64(HEADER) + UInt64(length)):set_generated()

    -- The end of a lap, which the producer has filled up, has no sequence id.
    local filler = flags >= FILLER
    if not pinfo.visited and not filler then
        follow(pinfo, seq)
    end
    local entry = found[pinfo.number]
    if entry then
        tree:add(f.previous, tvb(0, 0), entry.previous):set_generated()
        if entry.missing then
            tree:add(f.missing, tvb(0, 0), entry.missing):set_generated()
            seq_item:add_proto_expert_info(e.missing, tostring(entry.missing) .. " messages before this one are not in the capture")
        elseif entry.backwards then
            seq_item:add_proto_expert_info(e.backwards)
        end
    end

    local info = (filler and "filler" or "seq " .. tostring(seq)) .. ", " .. length .. " bytes"
    if fds > 0 then
        info = info .. ", " .. fds .. " descriptors"
    end
    if flags ~= 0 and not filler then
        info = info .. string.format(", flags 0x%02x", flags)
    end
    local torn = tvb(2, 1):uint() == 2
    if torn then
        info = info .. " [torn]"
    end
    pinfo.cols.info = info
    tree:append_text(", " .. info)

    local there = tvb:len() - RECORD - HEADER
    if there < length then
        tree:add_proto_expert_info(e.cut, there .. " of " .. length .. " bytes of payload are in this packet")
    end
    if there > 0 then
        local payload = tvb(RECORD + HEADER)
        tree:add(f.payload, payload)
        -- What may not be what was sent is nothing to be read.
        if torn or filler or there < length then
            Dissector.get("data"):call(payload:tvb(), pinfo, root)
        else
            dissect_payload(payload, pinfo, root)
        end
    end
end

function zbq.dissector(tvb, pinfo, root)
    pinfo.cols.protocol = "zbq"
    local name = interface_name()
    if name then
        pinfo.cols.src = tostring(name.value)
    end
    local tree = root:add(zbq, tvb())
    local kind = tvb:len() >= RECORD and tvb(1, 1):uint() or 0
    local enough = kind == MESSAGE and tvb:len() >= RECORD + HEADER or kind == GAP or kind == CONTINUATION
    if not enough or tvb(0, 1):uint() ~= 1 then
        pinfo.cols.info = "not a zbq record"
        tree:add_proto_expert_info(e.malformed)
        return 0
    end
    tree:add_le(f.version, tvb(0, 1))
    tree:add_le(f.kind, tvb(1, 1))
    if kind ~= GAP then
        local integrity = tree:add_le(f.integrity, tvb(2, 1))
        if tvb(2, 1):uint() == 2 then
            integrity:add_proto_expert_info(e.torn)
        end
    end
    local uncertainty = tree:add_le(f.uncertainty, tvb(4, 4))
    if tvb(4, 4):le_uint() == ANY_LONGER then
        uncertainty:append_text(" (or any longer)")
    end
    tree:add_le(f.offset, tvb(8, 8))
    if kind == GAP then
        tree:add_le(f.skipped_bytes, tvb(16, 8))
        dissect_gap(tvb, pinfo, tree, tvb(16, 8):le_uint64())
    elseif kind == MESSAGE then
        dissect_message(tvb, pinfo, tree, root)
    else
        pinfo.cols.info = "more of the message before, from offset " .. tostring(tvb(8, 8):le_uint64())
        if tvb:len() > RECORD then
            tree:add(f.payload, tvb(RECORD))
        end
    end
    return tvb:len()
end

DissectorTable.get("wtap_encap"):add(wtap.USER0, zbq)
