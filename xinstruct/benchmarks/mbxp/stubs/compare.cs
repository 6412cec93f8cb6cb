// Stands in for the comparison library that the tests call: deep, and of the same types.
namespace KellermanSoftware.CompareNetObjects
{
    public class ComparisonResult
    {
        public bool AreEqual { get; set; }
    }

    public class CompareLogic
    {
        public ComparisonResult Compare(object expected, object actual)
        {
            return new ComparisonResult { AreEqual = Same(expected, actual) };
        }

        private static bool Same(object left, object right)
        {
            if (left == null || right == null) return left == null && right == null;
            if (left.GetType() != right.GetType()) return false;
            if (left is string || left.GetType().IsPrimitive || left is decimal) return left.Equals(right);
            var map = left as System.Collections.IDictionary;
            if (map != null) return SameMap(map, (System.Collections.IDictionary)right);
            var items = left as System.Collections.IEnumerable;
            if (items != null) return SameItems(items, (System.Collections.IEnumerable)right);
            return left.Equals(right);
        }

        private static bool SameMap(System.Collections.IDictionary left, System.Collections.IDictionary right)
        {
            if (left.Count != right.Count) return false;
            foreach (object key in left.Keys)
            {
                if (!right.Contains(key) || !Same(left[key], right[key])) return false;
            }
            return true;
        }

        private static bool SameItems(System.Collections.IEnumerable left, System.Collections.IEnumerable right)
        {
            var one = left.GetEnumerator();
            var other = right.GetEnumerator();
            while (one.MoveNext())
            {
                if (!other.MoveNext() || !Same(one.Current, other.Current)) return false;
            }
            return !other.MoveNext();
        }
    }
}
