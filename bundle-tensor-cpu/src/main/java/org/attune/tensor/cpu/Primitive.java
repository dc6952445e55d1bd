package org.attune.tensor.cpu;

import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SCRATCHPAD;
import static org.bytedeco.dnnl.global.dnnl.dnnl_memory_create;
import static org.bytedeco.dnnl.global.dnnl.dnnl_memory_desc_get_size;
import static org.bytedeco.dnnl.global.dnnl.dnnl_memory_destroy;
import static org.bytedeco.dnnl.global.dnnl.dnnl_memory_set_data_handle;
import static org.bytedeco.dnnl.global.dnnl.dnnl_primitive_create;
import static org.bytedeco.dnnl.global.dnnl.dnnl_primitive_desc_destroy;
import static org.bytedeco.dnnl.global.dnnl.dnnl_primitive_desc_query;
import static org.bytedeco.dnnl.global.dnnl.dnnl_primitive_desc_query_md;
import static org.bytedeco.dnnl.global.dnnl.dnnl_primitive_destroy;
import static org.bytedeco.dnnl.global.dnnl.dnnl_primitive_execute;
import static org.bytedeco.dnnl.global.dnnl.dnnl_query_impl_info_str;
import static org.bytedeco.dnnl.global.dnnl.dnnl_query_scratchpad_md;

import org.bytedeco.dnnl.dnnl_exec_arg_t;
import org.bytedeco.dnnl.dnnl_memory;
import org.bytedeco.dnnl.dnnl_memory_desc;
import org.bytedeco.dnnl.dnnl_primitive;
import org.bytedeco.dnnl.dnnl_primitive_desc;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerPointer;

/** A oneDNN primitive of fixed shape, built once; the addresses of its operands are set at each call. Not thread-safe. */
final class Primitive implements AutoCloseable {
    private final OneDnn oneDnn;
    private final dnnl_primitive handle = new dnnl_primitive();
    private final dnnl_memory[] operands;
    private final dnnl_exec_arg_t arguments;
    private final int argumentCount;
    private final String implementation;
    private final Scratchpad scratchpad;
    private final long scratchBytes;
    private final dnnl_memory scratchMemory;
    private final Address address = new Address();

    /** An operand: its argument index ({@code DNNL_ARG_…}) and its form. */
    record Operand(int argument, dnnl_memory_desc form) {}

    /** Takes over {@code descriptor}; the operands' forms stay the caller's. */
    Primitive(OneDnn oneDnn, Scratchpad scratchpad, dnnl_primitive_desc descriptor, Operand... operands) {
        this.oneDnn = oneDnn;
        this.scratchpad = scratchpad;
        OneDnn.check(dnnl_primitive_create(handle, descriptor), "creating a primitive");
        implementation = implementationOf(descriptor);
        dnnl_memory_desc scratchForm = dnnl_primitive_desc_query_md(descriptor, dnnl_query_scratchpad_md, 0);
        scratchBytes = scratchForm == null || scratchForm.isNull() ? 0 : dnnl_memory_desc_get_size(scratchForm);
        argumentCount = operands.length + (scratchBytes > 0 ? 1 : 0);
        arguments = new dnnl_exec_arg_t(argumentCount);
        this.operands = new dnnl_memory[operands.length];
        for (int i = 0; i < operands.length; i++) {
            this.operands[i] = memory(operands[i].form, 0);
            arguments.position(i).arg(operands[i].argument).memory(this.operands[i]);
        }
        if (scratchBytes > 0) {
            scratchMemory = memory(scratchForm, 0);
            arguments.position(operands.length).arg(DNNL_ARG_SCRATCHPAD).memory(scratchMemory);
        } else {
            scratchMemory = null;
        }
        arguments.position(0);
        dnnl_primitive_desc_destroy(descriptor);
    }

    private dnnl_memory memory(dnnl_memory_desc form, long start) {
        dnnl_memory memory = new dnnl_memory();
        OneDnn.check(dnnl_memory_create(memory, form, oneDnn.engine(), address.at(start)), "creating a memory object");
        return memory;
    }

    private static String implementationOf(dnnl_primitive_desc descriptor) {
        try (PointerPointer<BytePointer> name = new PointerPointer<>(1)) {
            OneDnn.check(
                    dnnl_primitive_desc_query(descriptor, dnnl_query_impl_info_str, 0, name),
                    "asking for an implementation's name");
            return name.get(BytePointer.class, 0).getString();
        }
    }

    /** oneDNN's name of the code that runs; begins with {@code ref} where there is only the slow portable one. */
    String implementation() {
        return implementation;
    }

    /** Says where operand {@code i} lies in the next {@link #run}. */
    void set(int i, long start) {
        dnnl_memory_set_data_handle(operands[i], address.at(start));
    }

    void run() {
        if (scratchMemory != null) {
            dnnl_memory_set_data_handle(scratchMemory, address.at(scratchpad.address(scratchBytes)));
        }
        OneDnn.check(dnnl_primitive_execute(handle, oneDnn.stream(), argumentCount, arguments), "running a primitive");
    }

    @Override
    public void close() {
        dnnl_primitive_destroy(handle);
        for (dnnl_memory operand : operands) {
            dnnl_memory_destroy(operand);
        }
        if (scratchMemory != null) {
            dnnl_memory_destroy(scratchMemory);
        }
        arguments.close();
    }
}
