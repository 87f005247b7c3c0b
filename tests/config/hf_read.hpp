// A HuggingFace config in memory, as the readers of its keys see it.
#pragma once

#include <string>

#include "config/hf_config.hpp"
#include "config/json_tree.hpp"

namespace moesim {

struct HfRead {
  Problems problems;
  YamlNode root;
  HfConfig hf;

  HfRead(const std::string& json, const char* path)
      : root(parse_json(json, {"c.json", "", "", true}, problems)),
        hf(root, root, path, problems) {}
};

}  // namespace moesim
