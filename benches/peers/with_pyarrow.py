"""pyarrow: open_json batch by batch with the schema given, flattened with its kernels, and dataset.write_dataset.

It cannot read an object with arbitrary keys as a map, so the keys of the job are members of a struct.
https://arrow.apache.org/docs/python/json.html
"""

from common import Column, cannot, element_tree, main, tree


def version():
    import pyarrow

    return pyarrow.__version__


def prepare(job):
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.dataset as ds
    import pyarrow.json as pj

    types = {"text": pa.string(), "integer": pa.int64(), "double": pa.float64(), "bool": pa.bool_(),
             "instant": pa.timestamp("us", "UTC"), "list": pa.list_(pa.string())}  # fmt: skip
    if job.codec == "lz4":
        cannot("its writer names the codec lz4 and writes the deprecated form of it")

    def type_of(node):
        if isinstance(node, dict):
            return pa.struct([(name, type_of(member)) for name, member in node.items()])
        if isinstance(node, Column):
            return pa.list_(type_of(element_tree(node))) if node.kind == "structs" else types[node.kind]
        return types[node]

    def field(array, steps):
        for step in steps:
            array = pc.struct_field(array, step)
        return array

    def value(array, column):
        inner = field(array, column.steps)
        if column.kind == "structs":
            elements = inner.values
            members = pa.StructArray.from_arrays(
                [field(elements, steps) for steps, _, _ in column.elements], names=[name for _, _, name in column.elements]
            )
            return pa.ListArray.from_arrays(inner.offsets, members, mask=inner.is_null() if inner.null_count else None)
        return inner

    members = type_of(tree(job.inside))
    if job.is_conversations:
        outside = type_of(tree(job.outside))
        given = pa.schema([*outside, pa.field("participants", pa.list_(members))])
    else:
        given = pa.schema(list(members))

    def flatten(batch):
        if job.is_conversations:
            lists = batch.column("participants")
            inside = pc.list_flatten(lists)
            parents = pa.StructArray.from_arrays([batch.column(f.name) for f in outside], fields=list(outside))
            parents = parents.take(pc.list_parent_indices(lists))
            arrays = [value(parents, c) for c in job.outside] + [value(inside, c) for c in job.inside]
            names = [c.name for c in (*job.outside, *job.inside)]
        else:
            inside = pa.StructArray.from_arrays(batch.columns, fields=list(batch.schema))
            arrays, names = [value(inside, c) for c in job.inside], [c.name for c in job.inside]
        if job.by_day:
            arrays.append(arrays[names.index("start_time")].cast(pa.date32()))
            names.append("start_time_day")
        return pa.record_batch(arrays, names=names)

    def batches(reader):
        for batch in reader:
            yield flatten(batch)

    def work():
        pa.set_cpu_count(job.threads)
        # Blocks must be able to hold the longest record.
        reader = pj.open_json(
            pa.input_stream(job.input, compression="detect"),
            read_options=pj.ReadOptions(block_size=8 << 20),
            parse_options=pj.ParseOptions(explicit_schema=given, unexpected_field_behavior="ignore"),
        )
        schema = flatten(pa.record_batch([pa.array([], f.type) for f in given], schema=given)).schema
        format = ds.ParquetFileFormat()
        ds.write_dataset(
            ds.Scanner.from_batches(batches(reader), schema=schema),
            job.out,
            format=format,
            partitioning=ds.partitioning(pa.schema([("start_time_day", pa.date32())]), flavor="hive") if job.by_day else None,
            file_options=format.make_write_options(compression=job.codec, compression_level=job.level),
            max_partitions=4096,
            existing_data_behavior="overwrite_or_ignore",
        )

    return work


main(version, prepare)
