// Emission of a block in pieces, as a coroutine: a block that overlaps two microbatches emits its
// two lanes in turn, changing over wherever one of them has sent tokens on their way. An emission
// says `co_await cut;` there, and `co_await other_emission;` to go through another one with all its
// cuts.
#pragma once

#include <coroutine>
#include <utility>

namespace moesim {

// Marks the place where expert-parallel communication is on its way, and the other microbatch of an
// overlapped block may compute.
struct Cut {};
inline constexpr Cut cut;

// Does nothing until resume() is called. Its coroutine takes its parameters by value; what they
// point to must outlive it.
class [[nodiscard]] Emission {
 public:
  struct promise_type;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Emission(Handle handle) : handle_(handle) {}
  Emission(Emission&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Emission& operator=(Emission&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Emission() {
    if (handle_) handle_.destroy();
  }

  bool done() const { return handle_.done(); }
  inline void resume();  // on to the next cut, or to the end
  void finish() {
    while (!done()) resume();
  }

 private:
  Handle handle_;
};

struct Emission::promise_type {
  Emission* inner = nullptr;  // awaited by this one, and stopped at a cut

  Emission get_return_object() { return Emission(Handle::from_promise(*this)); }
  std::suspend_always initial_suspend() noexcept { return {}; }
  std::suspend_always final_suspend() noexcept { return {}; }
  void return_void() {}
  void unhandled_exception() { throw; }

  // An inner emission runs at once; the outer one stops only where the inner one does.
  struct Inner {
    Emission emission;
    bool await_ready() {
      emission.resume();
      return emission.done();
    }
    void await_suspend(Handle outer) { outer.promise().inner = &emission; }
    void await_resume() {}
  };
  Inner await_transform(Emission emission) { return {std::move(emission)}; }
  std::suspend_always await_transform(Cut) { return {}; }
};

inline void Emission::resume() {
  Emission*& inner = handle_.promise().inner;
  if (inner) {
    inner->resume();
    if (!inner->done()) return;
    inner = nullptr;
  }
  handle_.resume();
}

}  // namespace moesim
