// Where streamed output goes: a file, memory, or through gzip into another sink. Writers hand over
// pieces and never hold the whole.
#pragma once

#include <fstream>
#include <memory>
#include <string>
#include <string_view>

namespace moesim {

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual void write(std::string_view bytes) = 0;
  // Call once after the last write; a sink that is destroyed without it is an output cut short.
  virtual void finish() {}
};

class MemorySink : public ByteSink {
 public:
  void write(std::string_view bytes) override { text.append(bytes); }
  std::string text;
};

// Throws RunError naming the file when it cannot be opened or written.
class FileSink : public ByteSink {
 public:
  explicit FileSink(const std::string& path);
  void write(std::string_view bytes) override;
  void finish() override;

 private:
  std::string path_;
  std::ofstream file_;
};

// One gzip member without name and time, so that equal input gives equal bytes. Finishes the sink
// behind it too.
class GzipSink : public ByteSink {
 public:
  explicit GzipSink(ByteSink& out);
  ~GzipSink() override;
  void write(std::string_view bytes) override;
  void finish() override;

 private:
  struct Deflate;
  void pump(std::string_view bytes, bool last);

  ByteSink& out_;
  std::unique_ptr<Deflate> deflate_;
};

}  // namespace moesim
