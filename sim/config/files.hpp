// The little that configuration needs of a file system, behind an interface with an in-memory twin,
// so that tests hold their inputs as text.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace moesim {

struct FileText {
  std::string text;
  std::string error;  // why there is no text; empty when there is
};

// No input of a simulator that people write by hand comes near this; a larger file was named by
// mistake.
inline constexpr size_t kMaxConfigBytes = size_t{4} << 20;

class Files {
 public:
  virtual ~Files() = default;
  virtual bool exists(const std::string& path) const = 0;
  virtual FileText read(const std::string& path, size_t most_bytes = kMaxConfigBytes) const = 0;
  // Names of the files (not folders) in a folder, sorted; empty when there is no such folder.
  virtual std::vector<std::string> list(const std::string& directory) const = 0;
};

class DiskFiles : public Files {
 public:
  bool exists(const std::string& path) const override;
  FileText read(const std::string& path, size_t most_bytes = kMaxConfigBytes) const override;
  std::vector<std::string> list(const std::string& directory) const override;
};

class MemoryFiles : public Files {
 public:
  // Where no file here has a path, `below` (which outlives this) is asked for it.
  explicit MemoryFiles(std::map<std::string, std::string> files, const Files* below = nullptr)
      : files_(std::move(files)), below_(below) {}
  bool exists(const std::string& path) const override;
  FileText read(const std::string& path, size_t most_bytes = kMaxConfigBytes) const override;
  std::vector<std::string> list(const std::string& directory) const override;

 private:
  std::map<std::string, std::string> files_;
  const Files* below_;
};

const Files& disk_files();

}  // namespace moesim
