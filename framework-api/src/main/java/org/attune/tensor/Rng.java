package org.attune.tensor;

/**
 * Random numbers by counter: each is a pure function of a key and an index, so results do not depend on threads, on the order
 * of calls or on resuming a run. A key is built by naming places: {@code Rng.of(seed).at(step).at("dropout")}. Immutable.
 *
 * <p>The mixing function is the finaliser of SplitMix64 (Steele, Lea and Flood 2014) over key and index.
 */
public final class Rng {
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    private final long key;

    private Rng(long key) {
        this.key = key;
    }

    public static Rng of(long seed) {
        return new Rng(mix(seed + GOLDEN));
    }

    /** An independent stream named by a number. */
    public Rng at(long place) {
        return new Rng(mix(mix(key ^ GOLDEN) + mix(place + GOLDEN)));
    }

    /** An independent stream named by a text. */
    public Rng at(String place) {
        long h = 0xCBF29CE484222325L; // FNV-1a: stable across JVMs, unlike an identity, and over all 64 bits
        for (int i = 0; i < place.length(); i++) {
            h = (h ^ place.charAt(i)) * 0x100000001B3L;
        }
        return at(h);
    }

    /** 64 random bits. */
    public long bits(long index) {
        return mix(key + (index + 1) * GOLDEN);
    }

    /** Uniform on [0, 1), a multiple of 2^-53. */
    public double uniform(long index) {
        return (bits(index) >>> 11) * 0x1p-53;
    }

    /** Normal with mean 0 and variance 1 (Box and Muller); index i uses the bits 2i and 2i+1. */
    public double gaussian(long index) {
        double u = 1 - uniform(2 * index); // in (0, 1]
        return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * uniform(2 * index + 1));
    }

    /** Uniform on 0 .. bound-1; the bias is below 2^-32 for any int bound. */
    public int below(int bound, long index) {
        return (int) Math.multiplyHigh(bits(index) >>> 1, (long) bound << 1);
    }

    /** A permutation of 0 .. n-1 (Fisher and Yates). */
    public int[] permutation(int n) {
        int[] p = new int[n];
        for (int i = 0; i < n; i++) {
            int j = below(i + 1, i);
            p[i] = p[j];
            p[j] = i;
        }
        return p;
    }

    private static long mix(long z) {
        long x = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        x = (x ^ (x >>> 27)) * 0x94D049BB133111EBL;
        return x ^ (x >>> 31);
    }
}
