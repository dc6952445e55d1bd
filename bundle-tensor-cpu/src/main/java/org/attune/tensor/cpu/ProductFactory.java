package org.attune.tensor.cpu;

import static org.bytedeco.dnnl.global.dnnl.*;

import org.attune.tensor.DType;
import org.attune.tensor.cpu.Primitive.Operand;
import org.attune.tensor.cpu.Product.Layout;
import org.bytedeco.dnnl.dnnl_memory_desc;
import org.bytedeco.dnnl.dnnl_post_ops;
import org.bytedeco.dnnl.dnnl_primitive_attr;
import org.bytedeco.dnnl.dnnl_primitive_desc;
import org.bytedeco.javacpp.Pointer;

/** Builds primitives for matrix products. Operands in order: a, b, c, and the bias where there is one. */
final class ProductFactory {
    private final OneDnn oneDnn;
    private final Scratchpad scratchpad;

    ProductFactory(OneDnn oneDnn, Scratchpad scratchpad) {
        this.oneDnn = oneDnn;
        this.scratchpad = scratchpad;
    }

    Primitive build(Product p) {
        dnnl_memory_desc a = form(p.a(), p.batch(), p.m(), p.k(), p.aLayout());
        dnnl_memory_desc b = form(p.b(), p.batch(), p.k(), p.n(), p.bLayout());
        dnnl_memory_desc c = form(p.c(), p.batch(), p.m(), p.n(), new Layout(p.cBatch(), p.cRow(), 1));
        dnnl_memory_desc bias = p.bias()
                ? form(DType.FLOAT32, p.batch(), 1, p.n(), new Layout(p.n(), p.n(), 1))
                : new dnnl_memory_desc((Pointer) null);
        dnnl_primitive_attr attributes = attributes(p);
        dnnl_primitive_desc descriptor = new dnnl_primitive_desc();
        OneDnn.check(
                dnnl_matmul_primitive_desc_create(descriptor, oneDnn.engine(), a, b, bias, c, attributes),
                "describing a matrix product " + p);
        dnnl_primitive_attr_destroy(attributes);
        Operand[] operands = new Operand[p.bias() ? 4 : 3];
        operands[0] = new Operand(DNNL_ARG_SRC, a);
        operands[1] = new Operand(DNNL_ARG_WEIGHTS, b);
        operands[2] = new Operand(DNNL_ARG_DST, c);
        if (p.bias()) {
            operands[3] = new Operand(DNNL_ARG_BIAS, bias);
        }
        Primitive primitive = new Primitive(oneDnn, scratchpad, descriptor, operands);
        for (Operand operand : operands) {
            dnnl_memory_desc_destroy(operand.form());
        }
        return primitive;
    }

    private static dnnl_primitive_attr attributes(Product p) {
        dnnl_primitive_attr attributes = new dnnl_primitive_attr((Pointer) null);
        OneDnn.check(dnnl_primitive_attr_create(attributes), "creating attributes");
        OneDnn.check(
                dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user),
                "choosing the scratchpad");
        if (p.alpha() != 1 || p.add()) {
            dnnl_post_ops after = new dnnl_post_ops();
            OneDnn.check(dnnl_post_ops_create(after), "creating post-operations");
            if (p.alpha() != 1) {
                OneDnn.check(
                        dnnl_post_ops_append_eltwise(after, dnnl_eltwise_linear, p.alpha(), 0), "appending a factor");
            }
            if (p.add()) {
                OneDnn.check(dnnl_post_ops_append_sum(after, 1, 0, OneDnn.type(p.c())), "appending a sum");
            }
            OneDnn.check(dnnl_primitive_attr_set_post_ops(attributes, after), "setting post-operations");
            dnnl_post_ops_destroy(after);
        }
        return attributes;
    }

    /** A weight [columns, rows] into the blocks that products with few rows read best, as {@link Layout#PACKED} says. */
    Packing packing(DType type, long rows, long columns) {
        dnnl_memory_desc plain = form(type, 1, rows, columns, Layout.transposed(rows));
        dnnl_memory_desc packed = form(type, 1, rows, columns, Layout.PACKED);
        dnnl_primitive_desc descriptor = new dnnl_primitive_desc();
        OneDnn.check(
                dnnl_reorder_primitive_desc_create(
                        descriptor, plain, oneDnn.engine(), packed, oneDnn.engine(), new dnnl_primitive_attr((Pointer)
                                null)),
                "describing a reordering of a weight");
        Primitive primitive = new Primitive(
                oneDnn, scratchpad, descriptor, new Operand(DNNL_ARG_FROM, plain), new Operand(DNNL_ARG_TO, packed));
        Packing packing = new Packing(primitive, dnnl_memory_desc_get_size(packed));
        dnnl_memory_desc_destroy(plain);
        dnnl_memory_desc_destroy(packed);
        return packing;
    }

    /** @param bytes of the packed weight, padding included */
    record Packing(Primitive reorder, long bytes) {}

    private static dnnl_memory_desc form(DType type, long batch, long rows, long columns, Layout layout) {
        dnnl_memory_desc form = new dnnl_memory_desc();
        if (layout.equals(Layout.PACKED)) {
            int tag = type == DType.BFLOAT16 ? dnnl_BA16a64b2a : dnnl_BA16a64b;
            OneDnn.check(
                    dnnl_memory_desc_create_with_tag(form, 2, new long[] {rows, columns}, OneDnn.type(type), tag),
                    "describing a packed weight");
            return form;
        }
        long[] dims = batch == 1 ? new long[] {rows, columns} : new long[] {batch, rows, columns};
        long[] strides = batch == 1
                ? new long[] {layout.row(), layout.column()}
                : new long[] {layout.batch(), layout.row(), layout.column()};
        OneDnn.check(
                dnnl_memory_desc_create_with_strides(form, dims.length, dims, OneDnn.type(type), strides),
                "describing a matrix");
        return form;
    }
}
