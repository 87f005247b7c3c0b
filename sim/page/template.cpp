#include "page/template.hpp"

// page.html is too long for a string literal that every compiler takes; the assembler puts the file
// between two labels.
asm(".section .rodata\n"
    "moesim_page_begin: .incbin \"" MOESIM_PAGE_FILE
    "\"\n"
    "moesim_page_end: .byte 0\n"
    ".global moesim_page_begin, moesim_page_end\n"
    ".previous\n");

extern "C" const char moesim_page_begin[];
extern "C" const char moesim_page_end[];

namespace moesim {

std::string_view page_template() {
  return {moesim_page_begin, static_cast<size_t>(moesim_page_end - moesim_page_begin)};
}

}  // namespace moesim
