#include "base/check.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "catch.hpp"

TEST_CASE("a check that fails aborts with its values; one that holds does nothing") {
  int pipe_ends[2];
  REQUIRE(pipe(pipe_ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGABRT, SIG_DFL);
    dup2(pipe_ends[1], STDERR_FILENO);
    const int ranks = 3;
    MOESIM_CHECK(ranks > 0, "ranks = {}", ranks);
    MOESIM_CHECK(ranks % 2 == 0, "ranks = {}", ranks);
    _exit(0);
  }
  close(pipe_ends[1]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGABRT);
  char text[1000];
  const ssize_t size = read(pipe_ends[0], text, sizeof text);
  close(pipe_ends[0]);
  REQUIRE(size > 0);
  const std::string printed(text, static_cast<size_t>(size));
  CHECK(printed.find("check_test.cpp:") != std::string::npos);
  CHECK(printed.find(": internal error: ranks % 2 == 0 (ranks = 3)\n") != std::string::npos);
}
