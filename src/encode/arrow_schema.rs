//! Encodes the Arrow schema for a file's footer (`ARROW:schema`): an Arrow IPC message in base64.
//!
//! The crate's encoder repeats types, names and metadata keys for each field. Here equal items are written once and
//! pointed to, which takes at most three quarters of the size, in every file.

use std::collections::{BTreeMap, HashMap};

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow_ipc as ipc;
use base64::{Engine, prelude::BASE64_STANDARD};
use flatbuffers::{FlatBufferBuilder, ForwardsUOffset, UnionWIPOffset, Vector, WIPOffset};

use crate::error::{Error, Result};

/// The value of the key under which readers look for the schema.
///
/// # Errors
/// [`Error::Bug`] for types that no column can have.
pub(super) fn encode(schema: &Schema) -> Result<String> {
    let mut writer = SchemaWriter::default();
    let fields = schema.fields().iter().map(|field| writer.field(field)).collect::<Result<Vec<_>>>()?;
    let mut buffer = writer.buffer;
    let fields = buffer.create_vector(&fields);
    let mut builder = ipc::SchemaBuilder::new(&mut buffer);
    builder.add_fields(fields);
    let header = builder.finish().as_union_value();
    let mut builder = ipc::MessageBuilder::new(&mut buffer);
    builder.add_version(ipc::MetadataVersion::V5);
    builder.add_header_type(ipc::MessageHeader::Schema);
    builder.add_header(header);
    let message = builder.finish();
    buffer.finish(message, None);

    // Framed as in an IPC stream: a continuation marker, then the message length.
    let message = buffer.finished_data();
    let mut bytes = vec![0xFF; 4];
    bytes.extend_from_slice(&(message.len() as u32).to_le_bytes());
    bytes.extend_from_slice(message);
    Ok(BASE64_STANDARD.encode(bytes))
}

type FieldOffset = WIPOffset<ipc::Field<'static>>;
type Children = WIPOffset<Vector<'static, ForwardsUOffset<ipc::Field<'static>>>>;

/// A message being built, and the offsets of what it already contains.
#[derive(Default)]
struct SchemaWriter {
    buffer: FlatBufferBuilder<'static>,
    fields: HashMap<Field, FieldOffset>,
    /// Offsets of types; their children belong to the fields.
    types: HashMap<DataType, (ipc::Type, WIPOffset<UnionWIPOffset>)>,
    no_children: Option<Children>,
}

impl SchemaWriter {
    fn field(&mut self, field: &Field) -> Result<FieldOffset> {
        if let Some(known) = self.fields.get(field) {
            return Ok(*known);
        }
        let children = match field.data_type() {
            DataType::List(child) | DataType::Map(child, _) => vec![self.field(child)?],
            DataType::Struct(fields) => fields.iter().map(|field| self.field(field)).collect::<Result<_>>()?,
            _ => Vec::new(),
        };
        let children = if children.is_empty() { self.no_children() } else { self.buffer.create_vector(&children) };
        let (kind, data_type) = self.data_type(field.data_type())?;
        let mut pairs = Vec::new();
        // Sorted, so that the same schema has the same bytes.
        for (key, value) in field.metadata().iter().collect::<BTreeMap<_, _>>() {
            let (key, value) = (self.buffer.create_shared_string(key), self.buffer.create_shared_string(value));
            pairs.push(ipc::KeyValue::create(
                &mut self.buffer,
                &ipc::KeyValueArgs { key: Some(key), value: Some(value) },
            ));
        }
        let metadata = (!pairs.is_empty()).then(|| self.buffer.create_vector(&pairs));
        let name = self.buffer.create_shared_string(field.name());

        let mut builder = ipc::FieldBuilder::new(&mut self.buffer);
        builder.add_name(name);
        builder.add_nullable(field.is_nullable());
        builder.add_type_type(kind);
        builder.add_type_(data_type);
        builder.add_children(children);
        if let Some(metadata) = metadata {
            builder.add_custom_metadata(metadata);
        }
        let written = builder.finish();
        self.fields.insert(field.clone(), written);
        Ok(written)
    }

    /// An empty list of children: some readers expect the list even if it is empty.
    fn no_children(&mut self) -> Children {
        let buffer = &mut self.buffer;
        *self.no_children.get_or_insert_with(|| buffer.create_vector::<FieldOffset>(&[]))
    }

    fn data_type(&mut self, data_type: &DataType) -> Result<(ipc::Type, WIPOffset<UnionWIPOffset>)> {
        if let Some(known) = self.types.get(data_type) {
            return Ok(*known);
        }
        let buffer = &mut self.buffer;
        let written = match data_type {
            DataType::Utf8 => (ipc::Type::Utf8, ipc::Utf8Builder::new(buffer).finish().as_union_value()),
            DataType::Boolean => (ipc::Type::Bool, ipc::BoolBuilder::new(buffer).finish().as_union_value()),
            DataType::Int64 => {
                let int = ipc::Int::create(buffer, &ipc::IntArgs { bitWidth: 64, is_signed: true });
                (ipc::Type::Int, int.as_union_value())
            }
            DataType::Float64 => {
                let precision = ipc::FloatingPointArgs { precision: ipc::Precision::DOUBLE };
                (ipc::Type::FloatingPoint, ipc::FloatingPoint::create(buffer, &precision).as_union_value())
            }
            DataType::Timestamp(TimeUnit::Microsecond, zone) => {
                let timezone = zone.as_deref().map(|zone| buffer.create_shared_string(zone));
                let instant = ipc::TimestampArgs { unit: ipc::TimeUnit::MICROSECOND, timezone };
                (ipc::Type::Timestamp, ipc::Timestamp::create(buffer, &instant).as_union_value())
            }
            DataType::List(_) => (ipc::Type::List, ipc::ListBuilder::new(buffer).finish().as_union_value()),
            DataType::Struct(_) => (ipc::Type::Struct_, ipc::Struct_Builder::new(buffer).finish().as_union_value()),
            DataType::Map(_, sorted) => {
                let map = ipc::Map::create(buffer, &ipc::MapArgs { keysSorted: *sorted });
                (ipc::Type::Map, map.as_union_value())
            }
            other => return Err(Error::Bug(format!("a file has no columns of type {other}"))),
        };
        self.types.insert(data_type.clone(), written);
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use parquet::arrow::encode_arrow_schema;

    use super::*;
    use crate::model::{AttributeMap, Model, TableSchema};

    #[test]
    fn it_is_the_same_schema_as_that_of_the_crate_in_fewer_bytes() {
        let model = Model::load(Model::DEFAULT).unwrap();
        let table = TableSchema::new(&model, &["IVR Priority".to_owned()], AttributeMap::Rest, true).unwrap();
        let schema = table.arrow_schema();
        let text = encode(&schema).unwrap();
        let bytes = BASE64_STANDARD.decode(&text).unwrap();
        assert_eq!(bytes[..4], [0xFF; 4]);
        let message = ipc::root_as_message(&bytes[8..]).unwrap();
        let read = ipc::convert::try_fb_to_schema(message.header_as_schema().unwrap()).unwrap();
        assert_eq!(&read, schema.as_ref());
        let wanted = encode_arrow_schema(&schema).len();
        assert!(text.len() * 4 < wanted * 3, "{} bytes, {wanted} by the crate", text.len());
    }

    #[test]
    fn types_that_no_table_has_are_refused() {
        let schema = Schema::new(vec![Field::new("a", DataType::UInt8, true)]);
        assert!(encode(&schema).unwrap_err().to_string().contains("UInt8"));
    }
}
