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
  std::string dtype;  ///< as the format calls it: "F32", "BF16", "I64", ...
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

/// Parses a file's bytes, which must outlive the result.
///
/// @throws FormatError for anything that the format does not allow: a header that is no JSON of this form or
/// longer than
///         the file or 100 MB, names that occur twice, unknown dtypes, sizes that overflow or are not those
///         of shape and dtype, offsets outside the file, that overlap, or with holes between.
RECUR_API Safetensors parse_safetensors(std::span<const std::byte> file);

/// The bytes of a file with these tensors in this order. The header is padded so that the tensors' bytes
/// start at a multiple of 8.
///
/// @throws InvalidArgument for a name twice or that is "__metadata__", an unknown dtype, a negative size, or
/// data that is
///         not of the size of shape and dtype.
RECUR_API std::vector<std::byte> write_safetensors(std::span<const SafetensorsTensor> tensors,
                                                   const std::map<std::string, std::string>& metadata = {});

/// Reads a whole file. @throws FormatError where it cannot be read.
RECUR_API std::vector<std::byte> read_safetensors_file(const std::filesystem::path& path);
/// Writes beside the file and renames, so that no half of one is left under its name. @throws Error where
/// that fails.
RECUR_API void write_safetensors_file(const std::filesystem::path& path, std::span<const std::byte> bytes);

/// Converts all layers of a PyTorch module from its state_dict: tensors `prefix` + "weight_ih_l0" and so on.
/// Tensors of other names are left alone. `to` has L layers, as `import_weights` wants them.
///
/// @throws FormatError for a tensor that is missing, or of another shape or dtype than the Spec's; else as
///         `import_weights`. Nothing is written unless all layers can be.
RECUR_API void import_state_dict(const Spec& spec, const Safetensors& from, std::string_view prefix,
                                 std::span<const BasicLayerWeights<TensorView>> to);

/// A state_dict of these weights, as bytes of a file. @throws as `export_weights`.
RECUR_API std::vector<std::byte> export_state_dict(const Spec& spec, std::span<const LayerWeights> from,
                                                   std::string_view prefix = {});

}  // namespace recur
