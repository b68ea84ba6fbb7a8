// The S3 store beside other clients of the same server (a Ceph gateway with its objects in memory),
// in the same run: awscli and rclone for a large object, boto3 and a bare loop on libcurl for small
// ones. What is not installed is left out.

#include "baseline/curl_puts.hpp"
#include "report.hpp"
#include "support/radosgw.hpp"
#include <rwp/core/async.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <future>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace rwp::benchmarks;  // NOLINT(google-build-using-namespace): a program of its own.
using rwp::Result;
using rwp::tests::RadosGateway;
using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

constexpr std::size_t kMiB = std::size_t{1} << 20U;
constexpr std::size_t kLargeBytes = 1024 * kMiB;
constexpr std::size_t kPuts = 10'000;
constexpr std::size_t kSmallBytes = 1024;
constexpr int kRounds = 2;

template <class T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "storage_s3_benchmark: %s\n", result.error().to_string().c_str());
  std::exit(1);
}

double seconds_of(const std::function<void()>& work) {
  const auto begun = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

bool is_there(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null").c_str()) == 0;
}

double seconds_of_command(const std::string& command) {
  return seconds_of([&command] {
    if (std::system((command + " >/dev/null").c_str()) == 0) return;
    std::fprintf(stderr, "storage_s3_benchmark: failed: %s\n", command.c_str());
    std::exit(1);
  });
}

class Benchmark {
 public:
  Benchmark(const Options& options, const RadosGateway& gateway)
      : options_(options), gateway_(gateway), store_options_(gateway.options()) {
    store_options_.part_bytes = 8 * kMiB;
    store_ = gateway.open(runtime_, store_options_);
  }

  void large() {
    const std::string file = options_.directory + "/large";
    const std::string back = options_.directory + "/large.back";
    write_large(file);
    double up = std::numeric_limits<double>::infinity();
    double down = up;
    double others_up = up;
    double others_down = up;
    for (int round = 0; round < kRounds; ++round) {
      for (const auto& [to, from] : others(file, back)) {
        others_up = std::min(others_up, seconds_of_command(to));
        others_down = std::min(others_down, seconds_of_command(from));
      }
      up = std::min(up, seconds_of([&] { upload(file); }));
      down = std::min(down, seconds_of([&] { download(back); }));
    }
    const double peak = static_cast<double>(peak_resident_bytes()) / 1e6;
    print_large("storage_s3/upload_1_gib", up, others_up, peak);
    print_large("storage_s3/download_1_gib", down, others_down, peak);
    Row memory{.name = "storage_s3/peak_memory", .value = peak, .unit = "MB", .baseline = 100.0};
    memory.goal = 1.0;
    memory.lower_is_better = true;
    print(memory);
    std::remove(file.c_str());
    std::remove(back.c_str());
  }

  void small() {
    std::vector<std::string> urls;
    for (std::size_t i = 0; i < kPuts; ++i) {
      rwp::storage::PresignOptions presign;
      presign.method = rwp::storage::PresignOptions::Method::put;
      urls.push_back(
          must(rwp::block_on(runtime_, store_->presign("bare/" + std::to_string(i), presign))));
    }
    double ours = 0;
    double bare = 0;
    double boto = 0;
    double ours_cpu = 0;
    double bare_cpu = 0;
    const auto count_cpu = [](double& cpu, const Meter& meter) {
      cpu = meter.cost().cpu_seconds / kPuts * 1e6;
    };
    for (int round = 0; round < kRounds; ++round) {
      const Meter bare_meter;
      bare = std::max(bare, kPuts / seconds_of([&urls] {
                              if (!put_by_curl(urls, std::string(kSmallBytes, 'x'), 64)) {
                                std::fprintf(stderr, "storage_s3_benchmark: curl failed\n");
                                std::exit(1);
                              }
                            }));
      count_cpu(bare_cpu, bare_meter);
      const Meter meter;
      ours = std::max(ours, kPuts / seconds_of([this] { put_small(); }));
      count_cpu(ours_cpu, meter);
      boto = std::max(boto, boto3_rate());
    }
    Row by_curl{.name = "storage_s3/small_puts_curl", .value = ours, .unit = "puts/s"};
    by_curl.baseline = bare;
    by_curl.goal = 0.8;
    by_curl.details = {{"cpu_us_per_put", ours_cpu}, {"curl_cpu_us_per_put", bare_cpu}};
    print(by_curl);
    Row by_boto{.name = "storage_s3/small_puts_boto3", .value = ours, .unit = "puts/s"};
    if (boto > 0) by_boto.baseline = boto;
    if (boto > 0) by_boto.goal = 3.0;
    print(by_boto);
  }

 private:
  static void write_large(const std::string& path) {
    std::ofstream file(path, std::ios::binary);
    std::string piece(kMiB, '\0');
    std::uint32_t state = 1;
    for (std::size_t i = 0; i < kLargeBytes / kMiB; ++i) {
      for (char& c : piece) c = static_cast<char>((state = state * 1664525U + 1013904223U) >> 24U);
      file.write(piece.data(), static_cast<std::streamsize>(piece.size()));
    }
    if (!file.flush()) std::exit(1);
  }

  /// Commands that put the file and get it back.
  std::vector<std::pair<std::string, std::string>> others(const std::string& file,
                                                          const std::string& back) const {
    std::vector<std::pair<std::string, std::string>> all;
    const std::string keys =
        "env -u AWS_CA_BUNDLE AWS_ACCESS_KEY_ID=testaccess AWS_SECRET_ACCESS_KEY=testsecret123456 "
        "AWS_DEFAULT_REGION=us-east-1 ";
    if (is_there("aws")) {
      const std::string aws = keys + "aws --endpoint-url " + gateway_.url() + " s3 cp --quiet ";
      const std::string object = " s3://objects/" + store_options_.prefix + "/aws ";
      all.emplace_back(aws + file + object, aws + object + back);
    }
    if (is_there("rclone")) {
      const std::string rclone = keys +
                                 "rclone copyto --ignore-times --config /dev/null --s3-env-auth "
                                 "--s3-provider Ceph --s3-chunk-size 16M --s3-upload-concurrency 4 "
                                 "--s3-endpoint " +
                                 gateway_.url() + " ";
      const std::string object = " :s3:objects/" + store_options_.prefix + "/rclone ";
      all.emplace_back(rclone + file + object, "rm -f " + back + "; " + rclone + object + back);
    }
    return all;
  }

  void upload(const std::string& path) {
    const auto file = std::make_shared<File>(std::fopen(path.c_str(), "rb"), &std::fclose);
    rwp::storage::PieceSource source = [file, pool = runtime_.blocking()] {
      auto work = [file]() -> Result<std::string> {
        std::string piece(kMiB, '\0');
        piece.resize(std::fread(piece.data(), 1, piece.size(), file->get()));
        return piece;
      };
      return rwp::run_blocking(pool, std::move(work));
    };
    must(rwp::block_on(runtime_, store_->upload("ours", std::move(source))));
  }

  void download(const std::string& path) {
    const File file(std::fopen(path.c_str(), "wb"), &std::fclose);
    auto reader = must(rwp::block_on(runtime_, store_->open("ours")));
    std::size_t bytes = 0;
    while (true) {
      const std::string piece = must(rwp::block_on(runtime_, reader->read()));
      if (piece.empty()) break;
      bytes += std::fwrite(piece.data(), 1, piece.size(), file.get());
    }
    if (bytes != kLargeBytes) std::exit(1);
  }

  void put_small() {
    struct Progress {
      std::size_t ended = 0;
      std::size_t failed = 0;
      std::promise<void> all{};
    };
    auto progress = std::make_shared<Progress>();
    auto one = [](std::shared_ptr<rwp::storage::ObjectStore> store, std::string key,
                  std::shared_ptr<Progress> counts) -> boost::asio::awaitable<void> {
      auto putting = store->put(std::move(key), std::string(kSmallBytes, 'x'));
      const auto put = co_await std::move(putting);
      if (!put) ++counts->failed;
      if (++counts->ended == kPuts) counts->all.set_value();
    };
    rwp::post(runtime_.executor(), [this, one, progress] {
      for (std::size_t i = 0; i < kPuts; ++i) {
        rwp::spawn(runtime_.executor(), one(store_, "small/" + std::to_string(i), progress));
      }
    });
    progress->all.get_future().wait();
    if (progress->failed > 0) std::exit(1);
  }

  double boto3_rate() const {
    const std::string command = std::string("python3 ") + RWP_BOTO3_PUTS + " " + gateway_.url() +
                                " " + store_options_.prefix + " 2>/dev/null";
    const File pipe(::popen(command.c_str(), "r"), &::pclose);
    double rate = 0;
    if (!pipe || std::fscanf(pipe.get(), "%lf", &rate) != 1) return 0;
    return rate;
  }

  void print_large(const std::string& name, double ours, double others, double peak) const {
    Row row{.name = name, .value = ours, .unit = "s"};
    if (std::isfinite(others)) {
      row.baseline = others;
      row.goal = 1 / 1.15;
    }
    row.lower_is_better = true;
    row.details = {{"peak_mb", peak}, {"mb_per_s", kLargeBytes / 1e6 / ours}};
    print(row);
  }

  const Options& options_;
  const RadosGateway& gateway_;
  rwp::storage::S3StorageOptions store_options_;
  rwp::Runtime runtime_;
  std::shared_ptr<rwp::storage::ObjectStore> store_;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse_options(argc, argv);
  const bool large = options.wants("storage_s3/upload_1_gib") ||
                     options.wants("storage_s3/download_1_gib") ||
                     options.wants("storage_s3/peak_memory");
  const bool small =
      options.wants("storage_s3/small_puts_curl") || options.wants("storage_s3/small_puts_boto3");
  if (!large && !small) return 0;
  if (!RadosGateway::is_there()) {
    std::fprintf(stderr, "storage_s3_benchmark: Ceph is not installed, so its rows are left out\n");
    return 0;
  }
  const RadosGateway gateway;
  Benchmark benchmark(options, gateway);
  if (large) benchmark.large();
  if (small) benchmark.small();
  return 0;
}
