#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 ebpf_tcp authors
"""What the kubelet asks a runtime for (CRI, runtime.v1): a pod on the host's network, with its containers.

cri.py SOCKET IMAGE NAMESPACE POD CONTAINER COMMAND [CONTAINER COMMAND]...

The commands are for busybox's shell. Prints the id of the pod and of each container. gRPC is HTTP/2, which curl speaks.
"""
import subprocess
import sys
import tempfile

NODE = 2  # the host's namespace
CONTAINER = 1  # one of its own


def varint(number):
    out = b''
    while number > 0x7f:
        out += bytes([number & 0x7f | 0x80])
        number >>= 7
    return out + bytes([number])


def encode(message):
    """A message of protobuf: {field number: value}; a list is a repeated field."""
    out = b''
    for number, value in message.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, int):
                out += varint(number << 3) + varint(one)
                continue
            data = encode(one) if isinstance(one, dict) else one.encode()
            out += varint(number << 3 | 2) + varint(len(data)) + data
    return out


def call(socket, method, message):
    """Returns the text in the first field of the answer: the id of what was made."""
    request = encode(message)
    with tempfile.NamedTemporaryFile() as headers:
        answer = subprocess.run(
            ['curl', '-sS', '--http2-prior-knowledge', '--unix-socket', socket, '-H', 'content-type: application/grpc',
             '-H', 'te: trailers', '-D', headers.name, '--data-binary', '@-',
             f'http://localhost/runtime.v1.RuntimeService/{method}'],
            input=b'\0' + len(request).to_bytes(4, 'big') + request, stdout=subprocess.PIPE, check=True).stdout
        said = headers.read().decode()
    if 'grpc-status: 0' not in said:
        sys.exit(f'{method}: {said}')
    return answer[7:7 + answer[6]].decode() if len(answer) > 6 else ''


def main(socket, image, namespace, pod, *containers):
    config = {
        1: {1: pod, 2: f'uid-of-{pod}', 3: namespace},
        8: {1: f'/kubepods/pod-{pod}', 2: {1: {1: NODE, 2: CONTAINER}}},
    }
    sandbox = call(socket, 'RunPodSandbox', {1: config})
    print(sandbox)
    for name, command in zip(containers[::2], containers[1::2]):
        made = call(socket, 'CreateContainer', {
            1: sandbox, 2: {1: {1: name}, 2: {1: image}, 3: ['/bin/busybox', 'sh', '-c', command]}, 3: config})
        call(socket, 'StartContainer', {1: made})
        print(made)


main(*sys.argv[1:])
