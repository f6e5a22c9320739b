"""Files of the format .safetensors (https://github.com/huggingface/safetensors), of float32 and int32."""

import json
import struct

import numpy

_NAMES = {"float32": "F32", "int32": "I32"}


def write(path, tensors, metadata):
    """Arrays by name, and text by name."""
    header, data = {"__metadata__": metadata}, b""
    for name, array in tensors.items():
        begin = len(data)
        data += array.tobytes()
        header[name] = {"dtype": _NAMES[array.dtype.name], "shape": array.shape, "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def read(path):
    """Arrays by name, all of float32."""
    with open(path, "rb") as file:
        content = file.read()
    (size,) = struct.unpack_from("<Q", content)
    header, data = json.loads(content[8 : 8 + size]), content[8 + size :]
    found = {}
    for name, tensor in header.items():
        if name != "__metadata__":
            begin, end = tensor["data_offsets"]
            found[name] = numpy.frombuffer(data[begin:end], "<f4").reshape(tensor["shape"])
    return found
