#!/usr/bin/env python3
"""Peak memory of the OpenAI client with many streams that are open at once and say little.

usage: slow_streams.py PROGRAM [COUNT]

PROGRAM is ai_client_load. The upstream, in this process, answers each request with the beginning of
a stream, and ends all streams once COUNT of them are open. Needs COUNT descriptors in each process.
"""

import asyncio
import json
import resource
import sys

BEGIN = (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
         b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n')
END = (b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
       b"data: [DONE]\n\n")


async def main():
    program = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    all_open = asyncio.Event()
    open_streams = 0

    async def serve(reader, writer):
        nonlocal open_streams
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n")
                      if line.lower().startswith(b"content-length"))
        await reader.readexactly(length)
        writer.write(BEGIN)
        await writer.drain()
        open_streams += 1
        if open_streams == count:
            all_open.set()
        await all_open.wait()
        writer.write(END)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=16_384)
    port = server.sockets[0].getsockname()[1]
    client = await asyncio.create_subprocess_exec(
        program, "streams", f"http://127.0.0.1:{port}/v1", str(count),
        stdout=asyncio.subprocess.PIPE)
    out, _ = await asyncio.wait_for(client.communicate(), 240)
    told = json.loads(out)
    print(json.dumps({"streams": count, "good": told["good"],
                      "peak_mb": round(told["peak_kb"] / 1024, 1)}))
    sys.exit(0 if told["good"] == count else 1)


asyncio.run(main())
