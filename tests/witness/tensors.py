"""safetensors files, read and written without the library under test."""
import json
import struct

import numpy as np


def write_tensors(path, tensors):
    """Names to numpy arrays."""
    kinds = {"float32": "F32", "float64": "F64", "int32": "I32"}
    header, place, body = {}, 0, []
    for name, array in tensors.items():
        array = np.ascontiguousarray(array)
        end = place + array.nbytes
        header[name] = {"dtype": kinds[str(array.dtype)], "shape": list(array.shape), "data_offsets": [place, end]}
        place = end
        body.append(array.tobytes())
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(body))


def read_tensors(path):
    """Names to numpy arrays, and the notes."""
    kinds = {"F32": np.float32, "F64": np.float64, "I32": np.int32}
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    notes = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = np.frombuffer(bytearray(data[begin:end]), kinds[entry["dtype"]]).reshape(entry["shape"])
    return tensors, notes
