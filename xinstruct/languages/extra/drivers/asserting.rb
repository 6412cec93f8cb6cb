# Loaded before a program with its own assertions. Its last statement is a call of XinstructEnd with the nonce: tests
# that the program defined are run, and the nonce is printed when none failed. No variable holds the nonce. What the
# program left for its exit is run after that and may still fail.
module XinstructEnd
  @out = IO.for_fd(1, autoclose: false).dup
  @exit = Process.method(:exit!)

  def self.call(nonce)
    fine = (!defined?(::Test::Unit::TestCase) || tests) && (!defined?(::Minitest::Runnable) || minitests)
    $stdout.flush
    fine ? @out.syswrite("\n#{nonce}\tend\n") : @exit.call(1)
  end

  # The same of minitest, which would run its tests at the exit.
  def self.minitests
    known = ::Minitest::Runnable.runnables.sum { |each| each.runnable_methods.size }
    reporter = ::Minitest::SummaryReporter.new($stderr, {})
    ::Minitest.seed = 1 if ::Minitest.respond_to?(:seed=)
    reporter.start
    ::Minitest.__run(reporter, {})
    reporter.report
    known.positive? && reporter.count == known && [reporter.failures, reporter.errors, reporter.skips].sum.zero?
  end

  # Whether at least one test was there and each ran to its end without failure, error or omission.
  def self.tests
    require "test/unit/collector/descendant"
    require "test/unit/ui/console/testrunner"
    ::Test::Unit::AutoRunner.need_auto_run = false
    suite = ::Test::Unit::Collector::Descendant.new.collect("program")
    result = ::Test::Unit::UI::Console::TestRunner.new(suite, output: $stderr).start
    fault = result.faults.first
    $stderr.puts "Error: #{fault.label}: #{fault.message}" if fault
    skipped = result.omission_count + result.pending_count
    result.passed? && skipped.zero? && result.run_count.positive? && result.run_count == suite.size
  end
end
XinstructEnd.freeze
