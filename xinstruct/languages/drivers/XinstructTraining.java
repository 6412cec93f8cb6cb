import java.util.*;
import java.util.function.*;
import java.util.stream.*;

/** An ordinary program: what it loads is what the archives of class data hold. */
class XinstructTraining {
    static long sum(List<Long> numbers) {
        long total = 0;
        for (long number : numbers) {
            total += number;
        }
        return total;
    }

    record Pair(String left, int right) {
    }

    public static void main(String[] args) {
        List<Integer> numbers = new ArrayList<>(Arrays.asList(3, 1, 2));
        Collections.sort(numbers);
        assert numbers.equals(List.of(1, 2, 3)) : "sorted " + numbers;
        Map<String, Integer> counts = new HashMap<>();
        for (String word : "a b a".split(" ")) {
            counts.merge(word, 1, Integer::sum);
        }
        Map<String, List<String>> groups = Stream.of("one", "two", "three")
                .collect(Collectors.groupingBy(word -> word.substring(0, 1), TreeMap::new, Collectors.toList()));
        Function<Integer, Integer> square = x -> x * x;
        int total = numbers.stream().map(square).filter(x -> x > 1).mapToInt(Integer::intValue).sum();
        String joined = IntStream.range(0, 3).mapToObj(Integer::toString).collect(Collectors.joining(",", "[", "]"));
        StringBuilder text = new StringBuilder(joined).append(counts).append(groups).reverse();
        Set<Character> letters = new HashSet<>();
        for (char c : text.toString().toCharArray()) {
            if (Character.isLetter(c)) {
                letters.add(Character.toLowerCase(c));
            }
        }
        Deque<Integer> stack = new ArrayDeque<>(numbers);
        PriorityQueue<Integer> queue = new PriorityQueue<>(Comparator.reverseOrder());
        queue.addAll(stack);
        Optional<Integer> largest = numbers.stream().max(Comparator.naturalOrder());
        System.out.println(String.format("%d %.2f %s", total, Math.sqrt(total), largest.orElse(0)) + new Pair("x", total));
        if (!Objects.equals(queue.poll(), 3) || letters.isEmpty() || new LinkedList<>(numbers).size() != 3) {
            throw new AssertionError("the training went wrong");
        }
    }
}
