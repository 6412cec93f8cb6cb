using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;

// Compiles many programs in one process: arguments are the compiler's options, "--", then for each program its folder and
// its source file. Each folder gets compile.txt (the diagnostics) and compile.status (0 or 1), unless the compiler itself
// failed on it. A program that takes too long ends the process.
static class XinstructBatch
{
    const int Longest = 20000; // milliseconds for one program

    static void Main(string[] args)
    {
        int at = Array.IndexOf(args, "--");
        var options = new List<string>(args).GetRange(0, at);
        using (var watch = new Timer(_ => Environment.Exit(75)))
        {
            for (int i = at + 1; i + 1 < args.Length; i += 2)
            {
                watch.Change(Longest, Timeout.Infinite);
                Compile(options, args[i], args[i + 1]);
            }
        }
    }

    static void Compile(List<string> options, string folder, string source)
    {
        var text = new StringWriter();
        var line = new List<string>(options) { "-out:" + folder + "/answer.dll", folder + "/" + source };
        bool ok;
        try
        {
            ok = Mono.CSharp.CompilerCallableEntryPoint.InvokeCompiler(line.ToArray(), text);
        }
        catch (Exception)
        {
            return; // the compiler failed, not the program
        }
        string said = text.ToString().Replace(folder + "/", "");
        foreach (string shared in options.Where(option => option.EndsWith(".cs")))
            said = said.Replace(shared, Path.GetFileName(shared));
        if (!ok) // as the compiler's own command ends
        {
            int errors = said.Split('\n').Count(row => row.Contains("error CS"));
            said += "Compilation failed: " + errors + " error(s), 0 warnings\n";
        }
        File.WriteAllText(folder + "/compile.txt", said);
        File.WriteAllText(folder + "/compile.status", ok ? "0" : "1");
    }
}
