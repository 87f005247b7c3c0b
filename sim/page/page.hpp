// Results as one HTML page that opens without a network. Takes the JSON that runs, searches and
// explanations print, and the timeline of a run; returns the page's bytes. It never looks at files
// and knows of a report only what must be shortened for a page of thousands of runs.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace moesim {

// One result and what belongs to it; texts that are empty are not there.
struct PageResult {
  std::string name;           // of the result's file, without its ending; also for errors
  std::string json;           // of a run, stored or printed, of a search or an explanation
  std::string explanation;    // JSON of `moesim explain`
  std::string timeline;       // as page/timeline_file.hpp returns it
  std::string scenario;       // text of `moesim check`
  std::string scenario_note;  // what the reader should know of that text
};

struct PageOptions {
  std::string title, made_from, version;
  bool study = false;  // a table of runs even where there is one
};

// Throws InputError naming every result that is none.
std::string page_html(const std::vector<PageResult>& results, const PageOptions& options);

// The page's data alone, as JSON.
std::string page_data(const std::vector<PageResult>& results, const PageOptions& options);

// Says what kind of result a text is; `none` for what is no JSON object, or another one.
enum class ResultKind { none, run, search, explanation, capacity };
ResultKind kind_of_result(const std::string& json);

}  // namespace moesim
