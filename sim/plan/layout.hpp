// Megatron-LM's pipeline layout text: which layers stand in which model chunk. E is the embedding,
// t a transformer layer, m a multi-token-prediction layer, L the loss with the logits; `|` ends a
// chunk, `x*3` and `(tt|)*3` repeat (groups nest), commas and spaces are ignored. "Et*2|(tt|)*2L"
// is "Ett|tt|tt|L".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

enum class LayoutItem : uint8_t { embedding, layer, mtp, loss };
using Layout = std::vector<std::vector<LayoutItem>>;  // [chunk][position]; chunks may be empty

// Chunk c is the model chunk c / pp of stage c % pp. Throws InputError that names the character at
// fault; knows nothing of how many layers or stages there should be.
Layout parse_layout(const std::string& text);

int count_items(const Layout& layout, LayoutItem item);

}  // namespace moesim
