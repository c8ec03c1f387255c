"""Writes tests/fixtures/list_types.parquet: a list of inputs with columns of types that lists cannot carry."""

import datetime
import decimal
import sys

import pyarrow as pa
import pyarrow.parquet as pq

rows = 3
day, time = datetime.date(2024, 5, 1), datetime.datetime(2024, 5, 1, 12, 30)
columns = {
    "price": pa.array([decimal.Decimal("1.50")] * rows, pa.decimal128(10, 2)),
    "wide": pa.array([decimal.Decimal("1.50")] * rows, pa.decimal256(60, 2)),
    "day": pa.array([day] * rows, pa.date32()),
    "taken": pa.array([time] * rows, pa.timestamp("us", "UTC")),
    "old": pa.array([time] * rows, pa.timestamp("ns")),
    "at": pa.array([datetime.time(1, 2)] * rows, pa.time64("us")),
    "took": pa.array([datetime.timedelta(1)] * rows, pa.duration("s")),
    "box": pa.array([{"x": 1, "y": "a"}] * rows),
    "tags": pa.array([["a", "b"]] * rows),
    "map": pa.array([[("a", 1)]] * rows, pa.map_(pa.string(), pa.int32())),
    "vector": pa.array([[1.0, 2.0]] * rows, pa.list_(pa.float32(), 2)),
    "raw": pa.array([b"\xff"] * rows),
    "id": pa.array([b"abcd"] * rows, pa.binary(4)),
    "half": pa.array([1.5] * rows, pa.float16()),
    "nothing": pa.nulls(rows),
    "path": pa.array(["a.png", "b.png", "a b.png"]).dictionary_encode(),
    "large": pa.array(["x", None, ""], pa.large_string()),
    "view": pa.array(["x", None, ""], pa.string_view()),
    "category": pa.array(["cat", "dog", "cat"]).dictionary_encode(),
    "count": pa.array([1, None, 3], pa.uint16()),
}
table = pa.table(columns)
pq.write_table(table, sys.argv[1], row_group_size=2, compression="snappy")
