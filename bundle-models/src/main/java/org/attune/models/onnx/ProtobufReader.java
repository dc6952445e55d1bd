package org.attune.models.onnx;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.function.LongConsumer;
import org.attune.plugin.UserError;

/**
 * A cursor over the fields of one protobuf message. Nothing is copied: nested messages and byte strings are views of
 * the one buffer, and a length is checked against what is left of the enclosing message before it is used.
 *
 * @see <a href="https://protobuf.dev/programming-guides/encoding/">The wire format</a>
 */
final class ProtobufReader {
    private static final int VARINT = 0;
    private static final int FIXED64 = 1;
    private static final int BYTES = 2;
    private static final int FIXED32 = 5;

    private final String source;
    private final ByteBuffer in;
    private int field;
    private int wireType;

    /** @param message the message's bytes, from position to limit */
    ProtobufReader(String source, ByteBuffer message) {
        this.source = source;
        this.in = message.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Moves to the next field, whose value must then be taken or skipped; false at the message's end. */
    boolean next() {
        if (!in.hasRemaining()) {
            return false;
        }
        long tag = readVarint();
        wireType = (int) (tag & 7);
        if (tag >>> 3 == 0 || tag >>> 32 != 0) {
            throw broken("field tag " + Long.toUnsignedString(tag));
        }
        field = (int) (tag >>> 3);
        return true;
    }

    /** The number of the current field. */
    int field() {
        return field;
    }

    long varint() {
        expect(VARINT);
        return readVarint();
    }

    /** The numbers of a repeated field, which come one by one or packed into a byte string. */
    void varints(LongConsumer each) {
        if (wireType != BYTES) {
            each.accept(varint());
            return;
        }
        ProtobufReader packed = new ProtobufReader(source, bytes());
        while (packed.in.hasRemaining()) {
            each.accept(packed.readVarint());
        }
    }

    /** A little-endian view. */
    ByteBuffer bytes() {
        expect(BYTES);
        long length = readVarint();
        int begin = in.position();
        skip(length);
        return in.duplicate()
                .order(ByteOrder.LITTLE_ENDIAN)
                .limit(in.position())
                .position(begin);
    }

    ProtobufReader message() {
        return new ProtobufReader(source, bytes());
    }

    String string() {
        return StandardCharsets.UTF_8.decode(bytes()).toString();
    }

    void skip() {
        switch (wireType) {
            case VARINT -> readVarint();
            case FIXED64 -> skip(8);
            case FIXED32 -> skip(4);
            case BYTES -> skip(readVarint());
            default -> throw broken("wire type " + wireType + " in field " + field);
        }
    }

    /** An error at the current place of the file. Names come from the file, so a message is made one printable line. */
    UserError broken(String message) {
        return new UserError(
                source + ": " + message.replaceAll("\\p{Cntrl}", "?") + " (at byte " + in.position() + ")");
    }

    private void expect(int expected) {
        if (wireType != expected) {
            throw broken("field " + field + " has wire type " + wireType + ", expected " + expected);
        }
    }

    private void skip(long length) {
        if (length < 0 || length > in.remaining()) {
            throw broken("field " + field + " takes " + Long.toUnsignedString(length) + " bytes, but only "
                    + in.remaining() + " are left: truncated, or not an ONNX file");
        }
        in.position(in.position() + (int) length);
    }

    private long readVarint() {
        long value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            if (!in.hasRemaining()) {
                throw broken("a number is cut off: truncated, or not an ONNX file");
            }
            byte b = in.get();
            value |= (long) (b & 0x7f) << shift;
            if (b >= 0) {
                return value;
            }
        }
        throw broken("a number of more than 10 bytes: not an ONNX file");
    }
}
