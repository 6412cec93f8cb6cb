<?php

/**
 * Calls the function of answer.php on each argument list of plan.json and prints what it returned. A name that is no
 * plain function is looked for in the answer's namespaces and among its classes' methods.
 */

namespace XinstructDriver;

const LONGEST = 100000; // items taken from an iterator that may not end

final class Driver
{
    /** @var list<string> */
    private array $before;

    /** @param array<string, mixed> $plan */
    public function __construct(private array $plan, private $out)
    {
        $this->before = get_declared_classes();
    }

    public function run(): void
    {
        $call = $this->find($this->plan['name']);
        foreach ($this->plan['args'] as $i => $row) {
            try {
                $args = array_map(fn ($kind, $value) => $this->decode($kind, $value), $this->plan['params'], $row);
                $text = $this->encode($this->plan['returns'], $call(...$args));
            } catch (\Throwable $error) {
                $text = '!' . $this->describe($error);
            }
            $this->emit($this->plan['nonce'] . "\t" . $i . "\t" . $text);
        }
        $this->emit($this->plan['nonce'] . "\tend");
    }

    private function emit(string $line): void
    {
        while (ob_get_level() > 0) {
            ob_end_flush();
        }
        flush();
        fwrite($this->out, "\n" . $line . "\n");
        fflush($this->out);
    }

    private function find(string $name): callable
    {
        if (function_exists($name)) {
            return $name;
        }
        foreach (get_defined_functions()['user'] as $function) {
            if (str_ends_with($function, '\\' . strtolower($name))) {
                return $function;
            }
        }
        foreach (array_diff(get_declared_classes(), $this->before) as $class) {
            if (method_exists($class, $name)) {
                $method = new \ReflectionMethod($class, $name);
                $method->setAccessible(true);
                $self = $method->isStatic() ? null : (new \ReflectionClass($class))->newInstance();
                return fn (...$args) => $method->invokeArgs($self, $args);
            }
        }
        if (isset($GLOBALS[$name]) && $GLOBALS[$name] instanceof \Closure) {
            return $GLOBALS[$name];
        }
        throw new \Error("the answer defines no function $name");
    }

    private function describe(\Throwable $error): string
    {
        $text = (new \ReflectionClass($error))->getShortName() . ': ' . $error->getMessage();
        return shorten(preg_replace('/\s+/', ' ', $text) ?? $text);
    }

    private function decode(array $kind, mixed $value): mixed
    {
        switch ($kind[0]) {
            case 'optional':
                return $value === null ? null : $this->decode($kind[1], $value);
            case 'list':
                return array_map(fn ($item) => $this->decode($kind[1], $item), $value);
            case 'tuple':
                return array_map(fn ($k, $item) => $this->decode($k, $item), array_slice($kind, 1), $value);
            case 'dict':
                $made = [];
                foreach ($value as [$key, $item]) {
                    $made[$key] = $this->decode($kind[2], $item);
                }
                return $made;
            case 'float':
                return is_string($value) ? ['NaN' => NAN, 'Infinity' => INF, '-Infinity' => -INF][$value] : (float) $value;
            default:
                return $value;
        }
    }

    /** The declared kind only tells a dict from a list, and a text key from a number. */
    private function encode(?array $kind, mixed $value): string
    {
        if ($kind !== null && $kind[0] === 'optional') {
            $kind = $kind[1];
        }
        if (is_float($value) && !is_finite($value)) {
            return is_nan($value) ? '"NaN"' : ($value > 0 ? '"Infinity"' : '"-Infinity"');
        }
        if (is_array($value) || $value instanceof \stdClass) {
            return $this->encodeArray($kind, (array) $value);
        }
        if ($value instanceof \Traversable) {
            $items = [];
            foreach ($value as $item) {
                if (count($items) >= LONGEST) {
                    throw new \TypeError('the result does not end');
                }
                $items[] = $item;
            }
            return $this->encodeArray($kind, $items);
        }
        if (is_object($value) || is_resource($value)) {
            throw new \TypeError('a result of type ' . get_debug_type($value) . ' has no neutral form');
        }
        return json_encode($value, JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION | JSON_INVALID_UTF8_SUBSTITUTE
            | JSON_THROW_ON_ERROR);
    }

    private function encodeArray(?array $kind, array $value): string
    {
        $head = $kind[0] ?? '';
        $parts = [];
        if ($head === 'dict' || ($head === '' || $head === 'list' || $head === 'tuple') && !array_is_list($value)) {
            foreach ($value as $key => $item) {
                $key = $head === 'dict' && $kind[1][0] === 'string' ? (string) $key : $key;
                $parts[] = '[' . $this->encode(null, $key) . ',' . $this->encode($kind[2] ?? null, $item) . ']';
            }
        } else {
            foreach ($value as $i => $item) {
                $inner = $head === 'list' ? $kind[1] : ($head === 'tuple' ? $kind[$i + 1] ?? null : null);
                $parts[] = $this->encode($inner, $item);
            }
        }
        return '[' . implode(',', $parts) . ']';
    }
}

function shorten(string $text): string
{
    $cut = substr($text, 0, 300);
    return preg_replace('/[\x80-\xff]{1,3}$/', '', $cut) ?? $cut;
}

function take(): array
{
    $plan = json_decode((string) file_get_contents('plan.json'), true, 512, JSON_THROW_ON_ERROR);
    @unlink('plan.json');
    return $plan;
}

mt_srand((int) getenv('XINSTRUCT_SEED'));
$GLOBALS["\0xinstruct"] = new Driver(take(), fopen('php://stdout', 'w'));
require 'answer.php';
$GLOBALS["\0xinstruct"]->run();
exit(0);
