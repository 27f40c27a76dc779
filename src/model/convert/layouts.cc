#include "model/convert/layouts.h"

#include "base/error.h"

namespace tael {
namespace {

// Rows of one tensor that has `total` of them.
class RowsOfTensor {
 public:
  RowsOfTensor(ByteSpan bytes, int64_t total, int64_t row_elements)
      : bytes_(bytes),
        row_bytes_(bytes.size() / static_cast<size_t>(total)),
        row_elements_(row_elements) {
    TAEL_CHECK(row_bytes_ * static_cast<size_t>(total) == bytes.size());
  }
  RowPart operator()(int64_t first, int64_t count) const {
    return {.bytes = bytes_.subspan(static_cast<size_t>(first) * row_bytes_,
                                    static_cast<size_t>(count) * row_bytes_),
            .row_elements = row_elements_};
  }

 private:
  ByteSpan bytes_;
  size_t row_bytes_;
  int64_t row_elements_;
};

// [rows, columns] to [columns, rows], element by element.
RowPart Transpose(ByteSpan bytes, int64_t rows, int64_t columns) {
  return {.bytes = bytes, .row_elements = 1, .row_of = [rows, columns](int64_t element) {
            return element % rows * columns + element / rows;
          }};
}

// Rows of a key head's share of q, k, v and z, and of the parts in it.
struct DeltaShare {
  explicit DeltaShare(const GatedDeltaNetSpec& net)
      : heads(net.num_key_heads),
        key(net.key_dim),
        value(int64_t{net.num_value_heads} / net.num_key_heads * net.value_dim) {}
  int64_t all() const { return 2 * (key + value); }
  int64_t heads, key, value;
};

// The value head of the source that the target has at `head`.
int64_t SourceHead(const GatedDeltaNetSpec& net, int64_t head, bool to_gguf) {
  const int64_t keys = net.num_key_heads, each = net.num_value_heads / keys;
  return to_gguf ? head % keys * each + head / keys : head % each * keys + head / each;
}

}  // namespace

RowParts LatentKeyParts(const MlaSpec& mla, ByteSpan up) {
  const int64_t each = mla.nope_dim + mla.value_dim;
  const RowsOfTensor rows(up, mla.num_heads * each, mla.latent_dim);
  RowParts parts;
  for (int64_t head = 0; head < mla.num_heads; ++head) {
    parts.push_back(Transpose(rows(head * each, mla.nope_dim).bytes, mla.nope_dim, mla.latent_dim));
  }
  return parts;
}

RowParts LatentValueParts(const MlaSpec& mla, ByteSpan up) {
  const int64_t each = mla.nope_dim + mla.value_dim;
  const RowsOfTensor rows(up, mla.num_heads * each, mla.latent_dim);
  RowParts parts;
  for (int64_t head = 0; head < mla.num_heads; ++head) {
    parts.push_back(rows(head * each + mla.nope_dim, mla.value_dim));
  }
  return parts;
}

RowParts LatentUpParts(const MlaSpec& mla, ByteSpan keys, ByteSpan values) {
  const RowsOfTensor key_rows(keys, int64_t{mla.num_heads} * mla.latent_dim, mla.nope_dim);
  const RowsOfTensor value_rows(values, int64_t{mla.num_heads} * mla.value_dim, mla.latent_dim);
  RowParts parts;
  for (int64_t head = 0; head < mla.num_heads; ++head) {
    parts.push_back(Transpose(key_rows(head * mla.latent_dim, mla.latent_dim).bytes, mla.latent_dim,
                              mla.nope_dim));
    parts.push_back(value_rows(head * mla.value_dim, mla.value_dim));
  }
  return parts;
}

RowParts DeltaQkvParts(const GatedDeltaNetSpec& net, ByteSpan qkvz, int64_t hidden) {
  const DeltaShare share(net);
  const RowsOfTensor rows(qkvz, share.heads * share.all(), hidden);
  RowParts parts;
  for (const auto& [first, count] :
       {std::pair{int64_t{0}, share.key}, {share.key, share.key}, {2 * share.key, share.value}}) {
    for (int64_t head = 0; head < share.heads; ++head) {
      parts.push_back(rows(head * share.all() + first, count));
    }
  }
  return parts;
}

RowParts DeltaZParts(const GatedDeltaNetSpec& net, ByteSpan qkvz, int64_t hidden) {
  const DeltaShare share(net);
  const RowsOfTensor rows(qkvz, share.heads * share.all(), hidden);
  RowParts parts;
  for (int64_t head = 0; head < share.heads; ++head) {
    parts.push_back(rows(head * share.all() + 2 * share.key + share.value, share.value));
  }
  return parts;
}

RowParts DeltaQkvzParts(const GatedDeltaNetSpec& net, ByteSpan qkv, ByteSpan z, int64_t hidden) {
  const DeltaShare share(net);
  const int64_t keys = share.heads * share.key, values = share.heads * share.value;
  const RowsOfTensor mixed(qkv, 2 * keys + values, hidden), gates(z, values, hidden);
  RowParts parts;
  for (int64_t head = 0; head < share.heads; ++head) {
    parts.push_back(mixed(head * share.key, share.key));
    parts.push_back(mixed(keys + head * share.key, share.key));
    parts.push_back(mixed(2 * keys + head * share.value, share.value));
    parts.push_back(gates(head * share.value, share.value));
  }
  return parts;
}

std::optional<RowParts> ValueHeadParts(Role role, const GatedDeltaNetSpec& net, ByteSpan bytes,
                                       int64_t row_elements, bool to_gguf) {
  const int64_t heads = net.num_value_heads, dim = net.value_dim;
  if (role == Role::kDeltaOutput) {  // the columns
    return RowParts{{.bytes = bytes, .row_elements = dim, .row_of = [=](int64_t piece) {
                       return piece / heads * heads + SourceHead(net, piece % heads, to_gguf);
                     }}};
  }
  const bool mixed = role == Role::kDeltaQkv || role == Role::kDeltaConv;
  const bool wide = mixed || role == Role::kDeltaZ;
  const bool single = role == Role::kDeltaB || role == Role::kDeltaA || role == Role::kDeltaRate ||
                      role == Role::kDeltaTimeBias;
  if (!wide && !single) return std::nullopt;
  const int64_t before = mixed ? 2 * int64_t{net.num_key_heads} * net.key_dim : 0;
  const int64_t each = wide ? dim : 1;
  const RowsOfTensor rows(bytes, before + heads * each, row_elements);
  RowParts parts;
  if (before > 0) parts.push_back(rows(0, before));
  for (int64_t head = 0; head < heads; ++head) {
    parts.push_back(rows(before + SourceHead(net, head, to_gguf) * each, each));
  }
  return parts;
}

RowParts HalfOfColumns(const ColumnShape& shape, ByteSpan gate_up, bool up) {
  const RowsOfTensor experts(gate_up, shape.experts, 1);
  const int64_t in = shape.in, out = shape.out;
  RowParts parts;
  for (int64_t expert = 0; expert < shape.experts; ++expert) {
    RowPart part = experts(expert, 1);
    part.rows = in * out;
    part.row_of = [in, out, up](int64_t element) {
      return element % in * 2 * out + 2 * (element / in) + (up ? 1 : 0);
    };
    parts.push_back(std::move(part));
  }
  return parts;
}

RowParts ColumnsOfHalves(const ColumnShape& shape, ByteSpan gate, ByteSpan up) {
  const RowsOfTensor gates(gate, shape.experts, 1), ups(up, shape.experts, 1);
  const int64_t in = shape.in, out = shape.out;
  RowParts parts;
  for (int64_t expert = 0; expert < shape.experts; ++expert) {
    RowPart part = gates(expert, 1);
    part.more = ups(expert, 1).bytes;
    part.row_of = [in, out](int64_t element) {
      const int64_t row = element / (2 * out), column = element % (2 * out);
      return column % 2 * in * out + column / 2 * in + row;
    };
    parts.push_back(std::move(part));
  }
  return parts;
}

RowParts Transposed(int64_t count, int64_t rows, int64_t columns, ByteSpan bytes) {
  const RowsOfTensor matrices(bytes, count, 1);
  RowParts parts;
  for (int64_t i = 0; i < count; ++i) {
    parts.push_back(Transpose(matrices(i, 1).bytes, rows, columns));
  }
  return parts;
}

}  // namespace tael
