#include "batch/child_process.hpp"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <utility>

#include "catch.hpp"

using moesim::ChildProcess;

namespace {

ChildProcess::Result finish(ChildProcess& child) {
  while (!child.read_available()) {
    pollfd fds[] = {{child.result_fd(), POLLIN, 0}, {child.log_fd(), POLLIN, 0}};
    poll(fds, 2, -1);
  }
  return child.wait();
}

}  // namespace

TEST_CASE("a child has its own memory and process group, and no terminal to read") {
  int counter = 0;
  ChildProcess child([&counter] {
    ++counter;
    char byte;
    const bool nothing_to_read = read(STDIN_FILENO, &byte, 1) == 0;
    return std::to_string(counter) + (getpgrp() == getpid() ? " own group" : "") +
           (nothing_to_read ? " no input" : "");
  });
  const ChildProcess::Result result = finish(child);
  CHECK(result.end == ChildProcess::End::returned);
  CHECK(result.text == "1 own group no input");
  CHECK(counter == 0);
}

TEST_CASE("a child may be moved, and is killed when nobody wants it") {
  ChildProcess child([] {
    pause();
    return std::string();
  });
  {
    ChildProcess moved(std::move(child));
    CHECK(moved.result_fd() >= 0);
    CHECK(child.result_fd() == -1);
  }
  moesim::ChildProcess other([] { return std::string("still possible"); });
  CHECK(finish(other).text == "still possible");
}

TEST_CASE("a killed child has no result, even if it had begun to send one") {
  ChildProcess child([] { return std::string(10'000'000, 'x'); });
  pollfd ready{child.result_fd(), POLLIN, 0};
  REQUIRE(poll(&ready, 1, 10'000) == 1);
  child.kill();
  const ChildProcess::Result result = finish(child);
  CHECK(result.end == ChildProcess::End::died);
  CHECK(result.text == "killed by SIGKILL (Killed)");
}

TEST_CASE("the last line of a log") {
  CHECK(moesim::last_line("") == "");
  CHECK(moesim::last_line("one") == "one");
  CHECK(moesim::last_line("one\ntwo\n\n") == "two");
  CHECK(moesim::last_line("\n \n") == "");
}
