using System;
using System.Collections.Generic;

// Take the places of the library's classes in what is compiled with it: assertions that no listener or setting silences.
namespace System.Diagnostics
{
    static class Debug
    {
        public static readonly List<object> Listeners = new List<object>();
        public static bool AutoFlush { get; set; }
        public static int IndentLevel { get; set; }
        public static void Assert(bool condition) { Assert(condition, ""); }
        public static void Assert(bool condition, string message) { if (!condition) Fail(message); }
        public static void Assert(bool condition, string message, string detail) { if (!condition) Fail(message, detail); }
        public static void Assert(bool condition, string message, string format, params object[] args)
        {
            if (!condition) Fail(message, string.Format(format, args));
        }
        public static void Fail(string message) { Fail(message, ""); }
        public static void Fail(string message, string detail)
        {
            try
            {
                Console.Error.WriteLine(Environment.StackTrace + "\nassertion failed: " + message + " " + detail);
            }
            finally
            {
                Environment.Exit(3);
            }
        }
        public static void Write(object value) { }
        public static void WriteLine(object value) { }
        public static void WriteLine(string format, params object[] args) { }
        public static void WriteIf(bool condition, object value) { }
        public static void WriteLineIf(bool condition, object value) { }
        public static void Print(string format, params object[] args) { }
        public static void Indent() { }
        public static void Unindent() { }
        public static void Flush() { }
        public static void Close() { }
    }
    static class Trace
    {
        public static readonly List<object> Listeners = new List<object>();
        public static bool AutoFlush { get; set; }
        public static int IndentLevel { get; set; }
        public static void Assert(bool condition) { Assert(condition, ""); }
        public static void Assert(bool condition, string message) { if (!condition) Fail(message); }
        public static void Assert(bool condition, string message, string detail) { if (!condition) Fail(message, detail); }
        public static void Assert(bool condition, string message, string format, params object[] args)
        {
            if (!condition) Fail(message, string.Format(format, args));
        }
        public static void Fail(string message) { Fail(message, ""); }
        public static void Fail(string message, string detail) { Debug.Fail(message, detail); }
        public static void Write(object value) { }
        public static void WriteLine(object value) { }
        public static void WriteLine(string format, params object[] args) { }
        public static void WriteIf(bool condition, object value) { }
        public static void WriteLineIf(bool condition, object value) { }
        public static void TraceError(string message) { }
        public static void TraceWarning(string message) { }
        public static void TraceInformation(string message) { }
        public static void Indent() { }
        public static void Unindent() { }
        public static void Flush() { }
        public static void Close() { }
    }
}
