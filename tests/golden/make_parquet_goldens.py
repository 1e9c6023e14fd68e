#!/usr/bin/env python3
"""Makes tests/golden/parquet: small files of every encoding, compression and shape that is read, with their rows as JSON lines.
Needs pyarrow (made with 26.0.1). From the repository: python3 tests/golden/make_parquet_goldens.py"""
import json
import pathlib
import random

import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = pathlib.Path(__file__).parent / "parquet"
WORDS = ["ein", "zwei", "drei", "naïve", "日本", "\U0001f600", "quote\"", "line\nbreak", "", "a longer text that repeats"]


def plain_rows(count=60):
    pick = random.Random(1)
    return [{"text": " ".join(pick.choice(WORDS) for _ in range(pick.randrange(1, 6))) if i % 7 else None,
             "label": pick.choice(["good", "bad", None]), "count": pick.randrange(-2**31, 2**31), "id": pick.randrange(-2**63, 2**63),
             "score": pick.randrange(-1000, 1000) / 8, "small": pick.randrange(-100, 100) / 4, "seen": pick.choice([True, False, None])}
            for i in range(count)]


PLAIN = pa.schema([("text", pa.string()), ("label", pa.string()), ("count", pa.int32()), ("id", pa.int64()), ("score", pa.float64()),
                   ("small", pa.float32()), ("seen", pa.bool_())])


def nested_rows(count=40):
    pick = random.Random(2)
    message = lambda: pick.choice([None, {"role": "user", "content": pick.choice(WORDS)}, {"role": "assistant", "content": None}])
    return [{"messages": None if i % 9 == 4 else [message() for _ in range(pick.randrange(4))],
             "deep": [[pick.randrange(9) for _ in range(pick.randrange(3))] if pick.random() < .8 else None
                      for _ in range(pick.randrange(3))],
             "info": None if i % 5 == 2 else {"tags": [pick.choice(WORDS) for _ in range(pick.randrange(3))],
                                              "at": {"x": pick.choice([None, 1, 2])} if pick.random() < .7 else None}}
            for i in range(count)]


MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string())])
NESTED = pa.schema([("messages", pa.list_(MESSAGE)), ("deep", pa.list_(pa.list_(pa.int32()))),
                    ("info", pa.struct([("tags", pa.list_(pa.string())), ("at", pa.struct([("x", pa.int64())]))]))])
TYPES = pa.schema([("u8", pa.uint8()), ("u32", pa.uint32()), ("u64", pa.uint64()), ("day", pa.date32()), ("at", pa.timestamp("us")),
                   ("none", pa.null()), ("pairs", pa.map_(pa.string(), pa.int32())), ("cents", pa.decimal128(9, 2))])


def write(name, schema, rows, **options):
    settings = {"compression": "none", "use_dictionary": False, "write_statistics": False, **options}
    pq.write_table(pa.Table.from_pylist(rows, schema), FOLDER / f"{name}.parquet", **settings)


def expect(name, rows):
    """What every file whose name begins so holds."""
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (FOLDER / f"{name}.jsonl").write_text(lines, encoding="utf-8")


def write_types():
    import datetime
    import decimal
    rows = [{"u8": 200, "u32": 2**32 - 1, "u64": 2**64 - 1, "day": datetime.date(1970, 1, 11), "at": datetime.datetime(1970, 1, 1, 0, 0, 1),
             "none": None, "pairs": [("a", 1), ("b", None)], "cents": decimal.Decimal("1.25")},
            {"u8": 1, "u32": 2, "u64": 3, "pairs": []}, {"pairs": None}]
    empty = dict.fromkeys(TYPES.names)
    expected = [{**empty, "u8": 200, "u32": 2**32 - 1, "u64": 2**64 - 1, "day": 10, "at": 1000000,
                 "pairs": {"a": 1, "b": None}, "cents": 125},
                {**empty, "u8": 1, "u32": 2, "u64": 3, "pairs": {}}, empty]
    write("types", TYPES, rows, store_decimal_as_integer=True)
    expect("types", expected)


def main():
    FOLDER.mkdir(exist_ok=True)
    rows, nested = plain_rows(), nested_rows()
    expect("plain", rows)
    expect("nested", nested)
    expect("empty", [])
    write("plain", PLAIN, rows)
    write("plain_dictionary", PLAIN, rows, use_dictionary=True, compression="snappy", row_group_size=25)
    write("plain_pages", PLAIN, rows, data_page_size=64, write_batch_size=8, row_group_size=40,
          use_dictionary=["label"], compression="zstd")
    write("plain_pages_v2", PLAIN, rows, data_page_size=64, write_batch_size=8, data_page_version="2.0", compression="snappy",
          write_page_checksum=True)
    delta = {"text": "DELTA_BYTE_ARRAY", "label": "DELTA_LENGTH_BYTE_ARRAY",
             "count": "DELTA_BINARY_PACKED", "id": "DELTA_BINARY_PACKED"}
    write("plain_deltas", PLAIN, rows, column_encoding=delta, compression="gzip", write_page_checksum=True)
    write("nested", NESTED, nested, compression="gzip", data_page_version="2.0", row_group_size=15)
    write("nested_pages", NESTED, nested, use_dictionary=True, data_page_size=32, write_batch_size=3, compression="snappy",
          write_page_checksum=True)
    write("nested_item", NESTED, nested, use_compliant_nested_type=False, compression="zstd")
    write_types()
    write("empty", PLAIN, [])
    one = [{"text": "one", "count": 1}]
    small = pa.schema([("text", pa.string()), ("count", pa.int32())])
    pq.write_table(pa.Table.from_pylist(one, small), FOLDER / "brotli.parquet", compression="brotli")
    pq.write_table(pa.Table.from_pylist(one, small), FOLDER / "split.parquet", use_dictionary=False,
                   column_encoding={"text": "PLAIN", "count": "BYTE_STREAM_SPLIT"})
    fixed = pa.schema([("text", pa.string()), ("key", pa.binary(2)), ("raw", pa.binary())])
    pq.write_table(pa.Table.from_pylist([{"text": "one", "key": b"ab", "raw": b"\xff"}, {"text": "two", "raw": b"ok"}], fixed),
                   FOLDER / "binary.parquet")


if __name__ == "__main__":
    main()
