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

/// One tensor of a file: dense, row-major, little-endian. `data` lies in the file's bytes and has no
/// alignment.
struct SafetensorsTensor {
  std::string name;
  /// The format's name of the type: "F32", "BF16", "I64", ... A file that was read may have a type that is
  /// unknown here; `data` is then the bytes that the file has for it.
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> data;
};

/// The content of a file, in the order of its bytes.
struct Safetensors {
  std::vector<SafetensorsTensor> tensors;
  std::map<std::string, std::string> metadata;

  /// The tensor of this name, or null.
  RECUR_API const SafetensorsTensor* find(std::string_view name) const;
};

/// The format's name of a type of this library.
RECUR_API std::string_view safetensors_dtype(DataType type);
/// The type with this name of the format; empty for a type that this library lacks.
RECUR_API std::optional<DataType> type_of_safetensors(std::string_view dtype);

/// Bits of an element of the type with this name of the format, 4 and 6 among them. The types of safetensors
/// 0.8 are known; for others the result is empty.
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
  /// Refuses tensors of the same module that no layer of the Spec reads, such as those of a second layer
  /// where L is 1, or biases with `Bias::none`. False leaves them unread.
  bool strict = true;
};

/// Converts all layers of a PyTorch module from its state_dict, or none. The tensors are `prefix` +
/// "weight_ih_l0" and so on; for one layer in one direction also those of `torch.nn.LSTMCell`, `GRUCell` and
/// `RNNCell`, "weight_ih" and so on.
///
/// Floating-point types (F64, F32, F16, BF16) other than the Spec's are converted: each element is rounded
/// once, to the nearest, ties to even. Tensors of other modules, which have another prefix, or a dot after
/// it, are left unread whatever their dtype.
///
/// @param spec     the layers
/// @param from     the file's tensors, read
/// @param prefix   what the names of the module's tensors begin with, such as "encoder.lstm."
/// @param to       L layers of views in `Spec::dtype`, in host memory, overwritten
/// @param options  how strictly the file is read
/// @throws FormatError  for a tensor that is missing (the message has the prefixes or names that the file
///         has), has another shape or no floating-point type, or has an element beyond the largest number of
///         `Spec::dtype`, and for tensors left unread (see `StateDictOptions`)
/// @throws  else as `import_weights`
RECUR_API void import_state_dict(const Spec& spec, const Safetensors& from, std::string_view prefix,
                                 std::span<const BasicLayerWeights<TensorView>> to,
                                 const StateDictOptions& options = {});

/// A state_dict of weights, as the bytes of a file.
///
/// @param spec    the layers
/// @param from    L layers of canonical weights in host memory, read
/// @param prefix  what the names of the tensors begin with
/// @throws  as `export_weights`
RECUR_API std::vector<std::byte> export_state_dict(const Spec& spec, std::span<const LayerWeights> from,
                                                   std::string_view prefix = {});

}  // namespace recur
