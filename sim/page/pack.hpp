// Bytes in a smaller form, and as text that a page may hold.
#pragma once

#include <string>
#include <string_view>

namespace moesim {

// One gzip member without name and time: equal input gives equal bytes.
std::string gzipped(std::string_view bytes);
// With the letters of RFC 4648, section 4, padded.
std::string base64(std::string_view bytes);
// The bytes of a file, unpacked where they are gzip. Throws InputError naming the file when it
// cannot be read or holds more than `most_bytes`.
std::string read_packed_file(const std::string& path, size_t most_bytes);

}  // namespace moesim
