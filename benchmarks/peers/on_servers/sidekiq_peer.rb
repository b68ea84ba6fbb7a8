# Sidekiq (Debian's ruby-sidekiq) with its launcher in this process. Threads: 10, its default; no-op
# jobs of Ruby gain nothing by more.
require "json"
require "sidekiq"
require "sidekiq/launcher"

CONCURRENCY = 10
CHUNK = 1000
$answers = $stdout.dup
$stdout.reopen($stderr)
Sidekiq.logger.level = Logger::FATAL
Redis.silence_deprecations = true  # Of what this version of Sidekiq calls.

def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
def payload(bytes, n) = { "n" => n, "data" => "x" * [0, bytes - JSON.generate("n" => n, "data" => "").size].max }

class Noop
  include Sidekiq::Worker
  sidekiq_options retry: false
  def perform(_payload) = $handler.call
end

# Called by several threads.
class Countdown
  def initialize(count)
    @left = count
    @lock = Mutex.new
    @over = ConditionVariable.new
  end

  def call
    @lock.synchronize do
      @left -= 1
      @over.signal if @left.zero?
    end
  end

  def wait = @lock.synchronize { @over.wait(@lock) until @left.zero? }
end

def with_launcher
  options = Sidekiq.options.merge(concurrency: CONCURRENCY, queues: ["default"], timeout: 8, strict: true)
  launcher = Sidekiq::Launcher.new(options)
  launcher.run
  yield
ensure
  launcher.stop
end

def hello(request)
  url = request["redis"]
  Sidekiq.configure_client { |config| config.redis = { url: url, size: 64 } }
  Sidekiq.options[:concurrency] = CONCURRENCY
  { version: Sidekiq::VERSION, settings: "concurrency #{CONCURRENCY}, push_bulk of #{CHUNK}, Ruby #{RUBY_VERSION}" }
end

def load_jobs(request)
  began = now
  (0...request["count"]).each_slice(CHUNK) do |numbers|
    arguments = numbers.map { |n| [payload(request["bytes"], n)] }
    Sidekiq::Client.push_bulk("class" => Noop, "args" => arguments)
  end
  { seconds: now - began }
end

def drain(request)
  $handler = Countdown.new(request["count"])
  began = now
  took = nil
  with_launcher do
    $handler.wait
    took = now - began
  end
  { seconds: took }
end

def submit(request)
  numbers = Queue.new
  request["count"].times { |n| numbers << n }
  numbers.close
  began = now
  threads = Array.new(request["callers"]) do
    Thread.new do
      while (n = numbers.pop)
        Noop.perform_async(payload(request["bytes"], n))
      end
    end
  end
  threads.each(&:join)
  { seconds: now - began }
end

def pickup(request)
  started = Queue.new
  $handler = -> { started << now }
  times = []
  with_launcher do
    sleep 1
    request["count"].times do |n|
      asked = now
      Noop.perform_async(payload(request["bytes"], n))
      times << (started.pop - asked) * 1e6
      sleep request["gap_ms"] / 1000.0
    end
  end
  { us: times }
end

def clear(_request)
  Sidekiq.redis(&:flushdb)
  {}
end

$stdin.each_line do |line|
  request = JSON.parse(line)
  answer = begin
    name = request["do"] == "load" ? :load_jobs : request["do"].to_sym
    { ok: true }.merge(send(name, request))
  rescue StandardError => e
    { error: e.full_message(highlight: false) }
  end
  $answers.puts(JSON.generate(answer))
  $answers.flush
end
