#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/jobs/job_store.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

/// What belongs to this process and this interpreter: runtimes, whose threads no fork copies, and
/// the list of what is to be closed before the interpreter ends.
namespace rwp::python {

/// Knows the process that it was made in.
class Process {
 public:
  Process();
  bool is_this() const;
  /// rwp.Unsupported with advice when this is another process than `thing` was made in.
  void check(std::string_view thing) const;

 private:
  pid_t id_;
};

/// A part that was opened by URL, on a runtime of its own.
template <class Part>
struct Opened {
  Runtime runtime;
  std::shared_ptr<Part> part{};

  explicit Opened(RuntimeOptions options) : runtime(std::move(options)) {}
};

using OpenStore = Opened<jobs::JobStore>;
using OpenModel = Opened<ai::Model>;

/// Runs `destroy`, which joins threads, without the GIL; not at all in a process forked from the
/// one that `process` names, which has none of these threads.
void release_threads(const Process& process, const std::function<void()>& destroy);

/// As std::make_shared, but the object is destroyed by release_threads().
template <class T, class... Arguments>
std::shared_ptr<T> make_threaded(Arguments&&... arguments) {
  auto release = [process = Process()](T* thing) {
    release_threads(process, [thing] { delete thing; });
  };
  return std::shared_ptr<T>(new T(std::forward<Arguments>(arguments)...), std::move(release));
}

/// Something with threads behind it that an interpreter's end must not find alive.
class Closable {
 public:
  virtual ~Closable() = default;
  Closable(const Closable&) = delete;
  Closable& operator=(const Closable&) = delete;
  /// With the GIL; must not raise.
  virtual void close_at_exit() noexcept = 0;

 protected:
  Closable() = default;
};

/// Everything that is open in an interpreter. Needs the GIL.
class OpenThings {
 public:
  void add(const std::shared_ptr<Closable>& thing);
  void close_all() noexcept;

 private:
  std::vector<std::weak_ptr<Closable>> things_;
};

}  // namespace rwp::python
