// Package xinstructend runs a program's own main or its tests and prints the nonce when they came to their end. It is a
// package of its own, initialised before the program's, and its names are out of the program's reach.
package xinstructend

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"
)

var nonce = take()

func take() string {
	text, _ := os.ReadFile("plan.json")
	os.Remove("plan.json")
	return string(text)
}

// check ends the process unless our own main, which the runtime called, is the caller of our caller.
func check() {
	pcs := make([]uintptr, 8)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	first, _ := frames.Next()
	second, _ := frames.Next()
	if first.Function != "main.main" || second.Function != "runtime.main" {
		os.Exit(1)
	}
}

func end(fine bool) {
	if !fine {
		fmt.Fprintln(os.Stderr, "error: an assertion failed, or a test did not come to its end")
		os.Exit(1)
	}
	data := []byte("\n" + nonce + "\tend\n")
	if done, _ := syscall.Write(1, data); done < len(data) {
		os.Exit(70)
	}
	os.Exit(0)
}

// Program runs the program's main: it must return.
func Program(main func()) {
	check()
	main()
	end(true)
}

// Tests runs all tests: none may fail, and each must return.
func Tests(tests []testing.InternalTest) {
	check()
	ended := map[string]bool{}
	each := func(t *testing.T) {
		for _, test := range tests {
			test := test
			t.Run(test.Name, func(t *testing.T) {
				test.F(t)
				ended[test.Name] = true
			})
		}
	}
	all := func(t *testing.T) {
		passed := t.Run("all", each) // comes back when the parallel ones have ended too
		end(passed && len(ended) == len(tests))
	}
	match := func(string, string) (bool, error) { return true, nil }
	testing.Main(match, []testing.InternalTest{{Name: "program", F: all}}, nil, nil)
}
