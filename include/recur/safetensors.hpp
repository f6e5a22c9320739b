/// @file
/// `.safetensors` files (https://github.com/huggingface/safetensors, "Format"): a JSON header that names
/// tensors, then their bytes. Parsing checks every size and offset against the bytes that are there, and
/// copies no tensor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "recur/export.hpp"
#include "recur/spec.hpp"
#include "recur/weights.hpp"

namespace recur {

/// One tensor of a file: dense, row-major, little-endian. `data` lies in the file's bytes at any address.
struct SafetensorsTensor {
  std::string name;
  /// As the format calls it: "F32", "BF16", "I64", ...; in a file that was read it may be one that is not
  /// known here, and then `data` is whatever the file has for it.
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> data;
};

/// What a file has, in the order of its bytes.
struct Safetensors {
  std::vector<SafetensorsTensor> tensors;
  std::map<std::string, std::string> metadata;

  /// The tensor of this name, or null.
  RECUR_API const SafetensorsTensor* find(std::string_view name) const;
};

/// The format's name of a type that it has and we have.
RECUR_API std::string_view safetensors_dtype(DataType type);
/// The type that the format calls so; empty for those that we have not.
RECUR_API std::optional<DataType> type_of_safetensors(std::string_view dtype);

/// Bits of an element of the type that the format calls so, 4 and 6 among them; empty for those that are not
/// known here: the types of safetensors 0.8 are.
RECUR_API std::optional<int> bits_of_safetensors(std::string_view dtype);

/// Parses the bytes of a file. Metadata of null count as none, and fields of a tensor that the format does
/// not have are skipped. A tensor of an unknown dtype does not make the file invalid: the result has its
/// name, dtype and shape.
///
/// @param file  the bytes, which must outlive the result
/// @return the tensors in the order of their bytes, none of them copied
/// @throws FormatError  for anything that the format does not allow: a header that is no JSON of this form,
///         or is longer than the file or 100 MB; names that occur twice; sizes that overflow or differ from
///         what shape and dtype need (elements below a byte fill whole bytes); offsets that lie outside the
///         file, overlap, or leave holes. For text and some other kinds of file the message says what the
///         file is.
RECUR_API Safetensors parse_safetensors(std::span<const std::byte> file);

/// The bytes of a file with these tensors in this order. The header is padded so that the tensors' bytes
/// start at a multiple of 8.
///
/// @param tensors   the tensors, read
/// @param metadata  text by name; empty: the file has none
/// @throws InvalidArgument  for a name that occurs twice or is "__metadata__", an unknown dtype, a negative
///         size, and data whose size is not that of shape and dtype
RECUR_API std::vector<std::byte> write_safetensors(std::span<const SafetensorsTensor> tensors,
                                                   const std::map<std::string, std::string>& metadata = {});

/// Reads a whole file.
///
/// @param path  the file
/// @throws FormatError  with the file's name, where it cannot be read, and where it does not begin with the
///         header of a safetensors file, as text or an archive of torch.save does not
RECUR_API std::vector<std::byte> read_safetensors_file(const std::filesystem::path& path);
/// Writes a file beside the one of this name and renames it, so that a failure leaves no half of a file
/// there.
///
/// @param path   the file, replaced where it exists
/// @param bytes  its content
/// @throws Error  where that fails
RECUR_API void write_safetensors_file(const std::filesystem::path& path, std::span<const std::byte> bytes);

/// How `import_state_dict` takes a file.
struct StateDictOptions {
  /// Refuses tensors of the same module that no layer of the Spec reads: a second layer where L is 1, biases
  /// where there are to be none. False leaves them alone.
  bool strict = true;
};

/// Converts all layers of a PyTorch module from its state_dict: tensors `prefix` + "weight_ih_l0" and so on;
/// for one layer in one direction those of `torch.nn.LSTMCell`, `GRUCell` and `RNNCell` too, "weight_ih" and
/// so on. `to` has L layers, as `import_weights` wants them.
///
/// Other floating-point types (F64, F32, F16, BF16) than the Spec's are converted: each element is rounded
/// once, to the nearest, ties to even. Tensors of other modules are left alone, whatever their dtype: those
/// with another prefix, or with a dot in what comes after it.
///
/// @throws FormatError for a tensor that is missing (the message has the prefixes or the names that the file
///         has), of another shape or no floating-point type, or with an element beyond the largest number of
///         `Spec::dtype`, and for tensors left unread (see `StateDictOptions`); else as `import_weights`.
///         Nothing is written unless all layers can be.
RECUR_API void import_state_dict(const Spec& spec, const Safetensors& from, std::string_view prefix,
                                 std::span<const BasicLayerWeights<TensorView>> to,
                                 const StateDictOptions& options = {});

/// A state_dict of these weights, as bytes of a file. @throws as `export_weights`.
RECUR_API std::vector<std::byte> export_state_dict(const Spec& spec, std::span<const LayerWeights> from,
                                                   std::string_view prefix = {});

}  // namespace recur
