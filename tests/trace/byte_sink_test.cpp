#include "trace/byte_sink.hpp"

#include <unistd.h>
#include <zlib.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/diagnostics.hpp"
#include "catch.hpp"
#include "fixtures/pipeline_program.hpp"

using namespace moesim;
using namespace moesim::test;

namespace {

std::string inflated(const std::string& bytes) {
  z_stream stream{};
  REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
  stream.next_in = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<unsigned>(bytes.size());
  std::string text;
  int status = Z_OK;
  while (status == Z_OK) {
    char piece[4096];
    stream.next_out = reinterpret_cast<unsigned char*>(piece);
    stream.avail_out = sizeof piece;
    status = inflate(&stream, Z_NO_FLUSH);
    text.append(piece, sizeof piece - stream.avail_out);
  }
  inflateEnd(&stream);
  REQUIRE(status == Z_STREAM_END);
  return text;
}

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string temporary(const char* name) {
  return (std::filesystem::temp_directory_path() / (std::to_string(getpid()) + name)).string();
}

}  // namespace

TEST_CASE("gzip gives back what was written, and the same bytes each time") {
  std::string text;
  for (int i = 0; i < 200000; ++i) text += std::to_string(i * 7919 % 10007) + ",";
  MemorySink once, twice;
  for (MemorySink* sink : {&once, &twice}) {
    GzipSink gzip(*sink);
    for (size_t at = 0; at < text.size(); at += 12345)
      gzip.write(std::string_view(text).substr(at, 12345));
    gzip.finish();
  }
  CHECK(inflated(once.text) == text);
  CHECK(once.text == twice.text);
  CHECK(once.text.size() < text.size() / 2);
}

TEST_CASE("gzip of nothing is a valid file") {
  MemorySink sink;
  GzipSink gzip(sink);
  gzip.finish();
  CHECK(inflated(sink.text).empty());
}

TEST_CASE("a trace file ending in .gz inflates to the bytes of the plain one") {
  const TracedRun run;
  const std::string plain = temporary("trace.json"), packed = temporary("trace.json.gz");
  write_trace_file(run.input(TraceLevel::flow), plain);
  write_trace_file(run.input(TraceLevel::flow), packed);
  CHECK(contents(plain) == run.trace(TraceLevel::flow));
  CHECK(inflated(contents(packed)) == contents(plain));
  std::filesystem::remove(plain);
  std::filesystem::remove(packed);
}

TEST_CASE("a file that cannot be written is an error that names it") {
  CHECK_THROWS_WITH(FileSink("/nonexistent-folder/trace.json"),
                    "cannot write /nonexistent-folder/trace.json: No such file or directory");
  if (!std::filesystem::exists("/dev/full")) return;
  const auto fill = [] {
    FileSink sink("/dev/full");
    sink.write(std::string(1 << 20, 'x'));
    sink.finish();
  };
  CHECK_THROWS_AS(fill(), RunError);
}
