// FNV-1a over values: fingerprints and layout ids. http://www.isthe.com/chongo/tech/comp/fnv/
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

namespace recur::host {

class Hash {
 public:
  Hash& add(std::uint64_t value) {
    for (int byte = 0; byte < 8; ++byte) mix(static_cast<std::uint8_t>(value >> (8 * byte)));
    return *this;
  }
  Hash& add_bits(double value) { return add(std::bit_cast<std::uint64_t>(value)); }
  Hash& add(std::string_view text) {
    add(text.size());
    for (char c : text) mix(static_cast<std::uint8_t>(c));
    return *this;
  }
  std::uint64_t value() const { return hash_; }

 private:
  void mix(std::uint8_t byte) { hash_ = (hash_ ^ byte) * 0x100000001b3u; }
  std::uint64_t hash_ = 0xcbf29ce484222325u;
};

}  // namespace recur::host
