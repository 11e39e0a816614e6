"""A WhatsApp user's phone on aiortc, a WebRTC that is none of ours and not the daemon's.

Writes its offer as a line of JSON, reads the answer as one, then says a tone and does what it is told, a line of JSON each:
{"speak": true}, {"press": "5", "ms": 200}, {"report": true}, {"close": true}.
What it reports: packets that came, with the time of the first (ms since the epoch), whether a key is pressed and how late its packets were at most (ms), and of the last second heard how strong each asked tone was.
"""

import asyncio
import fractions
import json
import math
import struct
import sys
import time

import av
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.codecs.opus import OpusDecoder, OpusEncoder
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtp import RtpPacket

OPUS, KEYS = 96, 126
TONE_HZ, RATE, FRAME = 440, 48000, 960


class Phone:
    def __init__(self):
        self.pc = RTCPeerConnection()
        self.transceiver = self.pc.addTransceiver("audio", direction="sendrecv")
        self.sequence, self.timestamp = 1000, 90000
        self.speaking = False
        self.events = []
        self.late = 0
        self.came, self.first = 0, None
        self.heard = []
        self.decoder, self.encoder = OpusDecoder(), OpusEncoder()

    @property
    def transport(self):
        return self.transceiver.sender.transport

    async def offer(self):
        await self.pc.setLocalDescription(await self.pc.createOffer())
        # An ice-lite end is the controlled one, whoever offers.
        ice = self.transport.transport
        ice._connection.ice_controlling = False
        ice._role_set = True
        lines = self.pc.localDescription.sdp.split("\r\n")
        kept = []
        for line in lines:
            if line.startswith("m=audio"):
                kept.append("a=ice-lite")
                words = line.split(" ")
                line = " ".join(words[:3] + [str(OPUS), str(KEYS)])
            if line.startswith("a=rtpmap:") and not line.startswith("a=rtpmap:%d " % OPUS):
                continue
            if line.startswith(("a=fmtp:", "a=rtcp-fb:", "a=extmap:")):
                continue
            if line.startswith("a=candidate:"):
                words = line.split(" ")
                # One way to it, on this machine, as a trial allows it.
                if ":" in words[4] or any(one.startswith("a=candidate:") for one in kept):
                    continue
                words[4] = "127.0.0.1"
                line = " ".join(words)
            kept.append(line)
            if line.startswith("a=rtpmap:%d " % OPUS):
                kept.append("a=rtpmap:%d telephone-event/8000" % KEYS)
        return "\r\n".join(kept)

    async def accept(self, answer):
        kept = [
            line.replace(" %d %d" % (OPUS, KEYS), " %d" % OPUS) if line.startswith("m=audio") else line
            for line in answer.split("\r\n")
            if not line.startswith("a=rtpmap:%d" % KEYS)
        ]
        await self.pc.setRemoteDescription(RTCSessionDescription("\r\n".join(kept), "answer"))
        self.listen()

    def listen(self):
        """Sees each packet of RTP before the receiver does."""
        handle = self.transceiver.receiver._handle_rtp_packet

        async def seen(packet, arrival_time_ms):
            self.came += 1
            self.first = self.first or time.time() * 1000
            try:
                frames = self.decoder.decode(JitterFrame(data=packet.payload, timestamp=packet.timestamp))
                for frame in frames:
                    # Two channels in turns; the plane is longer than what is in it.
                    samples = struct.unpack("<%dh" % (frame.samples * 2), bytes(frame.planes[0])[: frame.samples * 4])
                    self.heard = (self.heard + list(samples[::2]))[-RATE:]
            except Exception as error:  # What cannot be decoded is no reason to fall silent.
                print(json.dumps({"trouble": str(error)}), flush=True)
            await handle(packet, arrival_time_ms)

        self.transceiver.receiver._handle_rtp_packet = seen

    async def send(self, payload_type, payload, timestamp, marker=0):
        packet = RtpPacket(
            payload_type=payload_type, sequence_number=self.sequence, timestamp=timestamp, marker=marker, payload=payload
        )
        packet.ssrc = self.transceiver.sender._ssrc
        self.sequence = (self.sequence + 1) % 65536
        await self.transport._send_rtp(packet.serialize())

    async def run(self):
        """Sends a packet every 20 ms: a part of a key where one is pressed, else the tone."""
        due, n = time.monotonic(), 0
        while True:
            due += FRAME / RATE
            await asyncio.sleep(max(0, due - time.monotonic()))
            if not self.speaking or self.pc.connectionState != "connected":
                continue
            if self.events:
                self.late = max(self.late, time.monotonic() - due)
                code, duration, end, began = self.events.pop(0)
                if began[0] is None:
                    began[0] = self.timestamp
                payload = struct.pack("!BBH", code, (0x80 if end else 0) | 10, duration)
                for _ in range(3 if end else 1):
                    await self.send(KEYS, payload, began[0], 1 if duration == 160 else 0)
            else:
                wave = [int(8000 * math.sin(2 * math.pi * TONE_HZ * (n + i) / RATE)) for i in range(FRAME)]
                frame = av.AudioFrame(format="s16", layout="mono", samples=FRAME)
                frame.sample_rate, frame.pts, frame.time_base = RATE, n, fractions.Fraction(1, RATE)
                frame.planes[0].update(struct.pack("<%dh" % FRAME, *wave))
                for payload in self.encoder.encode(frame)[0]:
                    await self.send(OPUS, payload, self.timestamp)
            n += FRAME
            self.timestamp = (self.timestamp + FRAME) % (1 << 32)

    def press(self, key, ms):
        self.late = 0
        began, packets = [None], round(ms / 20)
        for n in range(1, packets + 1):
            self.events.append(("0123456789*#ABCD".index(key), n * 160, n == packets, began))

    def level(self, hz):
        """dBFS of this tone in the last second; -120 where nothing was heard."""
        samples = self.heard
        if not samples:
            return -120
        re = sum(s * math.cos(2 * math.pi * hz * i / RATE) for i, s in enumerate(samples))
        im = sum(s * math.sin(2 * math.pi * hz * i / RATE) for i, s in enumerate(samples))
        return round(20 * math.log10(max(1e-6, 2 * math.hypot(re, im) / len(samples) / 32768)), 1)


async def main():
    phone = Phone()
    say = lambda **what: print(json.dumps(what), flush=True)
    say(offer=await phone.offer())
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    running = None
    while line := await reader.readline():
        told = json.loads(line)
        if "answer" in told:
            await phone.accept(told["answer"])
            running = asyncio.create_task(phone.run())
        if "speak" in told:
            phone.speaking = told["speak"]
        if "press" in told:
            phone.press(told["press"], told["ms"])
        if "report" in told:
            say(
                state=phone.pc.connectionState,
                came=phone.came,
                first=phone.first,
                pressing=len(phone.events) > 0,
                late=phone.late * 1000,
                levels={str(hz): phone.level(hz) for hz in told["report"]},
            )
        if "close" in told:
            break
    if running:
        running.cancel()
    await phone.pc.close()


asyncio.run(main())
