#include "config/files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <set>

namespace moesim {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

std::string too_large(size_t most_bytes) {
  return fmt::format("is larger than {} MiB", most_bytes >> 20);
}

}  // namespace

bool DiskFiles::exists(const std::string& path) const {
  std::error_code error;
  return std::filesystem::exists(path, error) && !std::filesystem::is_directory(path, error);
}

FileText DiskFiles::read(const std::string& path, size_t most_bytes) const {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return {"", "is a folder, not a file"};
  std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rb"));
  if (!file)
    return {"", errno == ENOENT ? "no such file"
                                : fmt::format("cannot be read: {}", std::strerror(errno))};
  FileText result;
  char buffer[1 << 16];
  size_t count = 0;
  while ((count = std::fread(buffer, 1, sizeof buffer, file.get())) > 0) {
    result.text.append(buffer, count);
    if (result.text.size() > most_bytes) return {"", too_large(most_bytes)};
  }
  if (std::ferror(file.get())) return {"", fmt::format("cannot be read: {}", std::strerror(errno))};
  return result;
}

std::vector<std::string> DiskFiles::list(const std::string& directory) const {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error))
    if (entry->is_regular_file(error)) names.push_back(entry->path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

bool MemoryFiles::exists(const std::string& path) const {
  return files_.contains(path) || (below_ && below_->exists(path));
}

FileText MemoryFiles::read(const std::string& path, size_t most_bytes) const {
  const auto found = files_.find(path);
  if (found == files_.end())
    return below_ ? below_->read(path, most_bytes) : FileText{"", "no such file"};
  if (found->second.size() > most_bytes) return {"", too_large(most_bytes)};
  return {found->second, ""};
}

std::vector<std::string> MemoryFiles::list(const std::string& directory) const {
  std::set<std::string> names;
  if (below_)
    for (std::string& name : below_->list(directory)) names.insert(std::move(name));
  for (const auto& [path, text] : files_) {
    const std::filesystem::path file(path);
    if (file.parent_path() == std::filesystem::path(directory))
      names.insert(file.filename().string());
  }
  return {names.begin(), names.end()};
}

const Files& disk_files() {
  static const DiskFiles files;
  return files;
}

}  // namespace moesim
