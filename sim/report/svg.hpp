// Pieces of pictures as SVG text, which plots of every kind share: the frame, text, colours, ticks.
// Equal input gives equal bytes.
#pragma once

#include <string>
#include <vector>

namespace moesim {

// Eight colours that colour-blind readers tell apart: Okabe and Ito, "Color Universal Design"
// (2008), black last.
inline constexpr const char* kPlotColours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                               "#e69f00", "#56b4e9", "#b3a800", "#000000"};

std::string svg_escaped(const std::string& text);
// The beginning of a picture on white; "</svg>\n" ends it.
std::string svg_open(double width, double height);
// `anchor`: start, middle or end.
std::string svg_text(double x, double y, const char* anchor, const std::string& text,
                     int size = 12);
// Text that is read from below to above, centred at (x, y).
std::string svg_text_upwards(double x, double y, const std::string& text);

// "1.5", "20k", "3M".
std::string tick_label(double value);
// Round values from low to high (0 < low < high): decades at 1, 2 and 5.
std::vector<double> log_ticks(double low, double high);
// Round values from low to high, some five of them.
std::vector<double> linear_ticks(double low, double high);

}  // namespace moesim
