#include "page/pack.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <array>
#include <memory>

#include "base/check.hpp"
#include "base/diagnostics.hpp"

namespace moesim {

std::string gzipped(std::string_view bytes) {
  constexpr int kGzip = 16 + MAX_WBITS;
  z_stream stream{};
  const int begun =
      deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, kGzip, 9, Z_DEFAULT_STRATEGY);
  MOESIM_CHECK(begun == Z_OK, "deflateInit2 says {}", begun);
  std::string packed(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int done = deflate(&stream, Z_FINISH);
  MOESIM_CHECK(done == Z_STREAM_END, "deflate says {}", done);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    uint32_t group = 0;
    for (size_t i = 0; i < 3; ++i)
      group = group << 8 | (at + i < bytes.size() ? static_cast<uint8_t>(bytes[at + i]) : 0u);
    for (size_t i = 0; i < 4; ++i)
      text += at + i > bytes.size() ? '=' : kLetters[group >> (18 - 6 * i) & 63];
  }
  return text;
}

std::string read_packed_file(const std::string& path, size_t most_bytes) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) throw InputError(path + ": cannot be read");
  std::string text;
  std::array<char, 1 << 16> part{};
  int got = 0;
  while ((got = gzread(file.get(), part.data(), part.size())) > 0) {
    text.append(part.data(), static_cast<size_t>(got));
    if (text.size() > most_bytes)
      throw InputError(fmt::format("{}: holds more than {:.0f} MB", path,
                                   static_cast<double>(most_bytes) / 1e6));
  }
  int fault = Z_OK;
  gzerror(file.get(), &fault);  // tells of an end before the end of the gzip member
  if (got < 0 || fault != Z_OK)
    throw InputError(path + ": cannot be read: it is cut short, or no gzip");
  return text;
}

}  // namespace moesim
