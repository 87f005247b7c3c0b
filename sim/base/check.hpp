// MOESIM_CHECK aborts on a programming error, with the values in the message. Never used on input.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

#define MOESIM_CHECK(condition, ...)                                                         \
  do {                                                                                       \
    if (!(condition)) {                                                                      \
      fmt::print(stderr, "{}:{}: internal error: {} ({})\n", __FILE__, __LINE__, #condition, \
                 fmt::format(__VA_ARGS__));                                                  \
      std::abort();                                                                          \
    }                                                                                        \
  } while (false)
