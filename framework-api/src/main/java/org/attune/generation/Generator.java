package org.attune.generation;

import java.util.List;
import org.attune.model.Model;
import org.osgi.annotation.versioning.ProviderType;

/** A language model that generates. One call at a time; closing it gives the model back. */
@ProviderType
public interface Generator extends AutoCloseable {
    Model model();

    /**
     * Goes on from prompts. So many are computed at once as is quick; where one ends the next takes its place.
     *
     * @param prompts token ids, each at least one and fewer than the model has positions
     * @return one for each prompt, in their order
     * @throws org.attune.plugin.UserError if a prompt is empty or too long
     */
    List<Generated> generate(List<int[]> prompts, Decoding decoding, TextListener listener);

    /** As above, heard by nobody. */
    default List<Generated> generate(List<int[]> prompts, Decoding decoding) {
        return generate(prompts, decoding, (prompt, piece) -> true);
    }

    @Override
    void close();
}
