"""Ids of hard texts under each way in which GGUF files of byte-level byte-pair encoding cut texts into words (tokenizer.ggml.pre).

    python make_words.py        needs tokenizers, regex

words.json gets one vocabulary with its merges, texts, and each way's ids. The merges are learnt across words, so that a cut at another
place gives other ids. Ways are written here in two forms that have to agree: as the tokenizer.json of the models that they come from
(Llama 3, Qwen2, GPT-2, SmolLM), made with the library; and as the list of patterns that llama.cpp has for them, one after another over
what the last has left, with another library of regular expressions.
"""
import json
import os

import regex
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

BEGIN, END = "<|begin_of_text|>", "<|end_of_text|>"
CORPUS = [
    "it's 12 o'clock, isn't it? They're 1234567 km away; we've 100,000.50 $ + 20 %\n\n",
    "the  river   bends\tbefore the mill\r\n\r\n    def f(x): return x_1 + x_2 == 42  # no more\n",
    "IT'S NOT THEY'LL I'D I'M YOU'VE a_b __init__ ... !!! ???\n\n\n",
] * 20
TEXTS = [
    "",
    " ",
    "   ",
    "\n",
    "\n\n\n",
    " \n \n  \n",
    "\r\n\r\n",
    "\t\tx\t y",
    "the river bends",
    " the river  bends ",
    "the   river    bends   ",
    "the\u00a0river\u00a0\u00a0bends",
    "\u3000東京　大阪",
    "it's they're we've I'm I'd you'll isn't",
    "IT'S THEY'RE WE'VE I'M I'D YOU'LL ISN'T",
    "it’s o’clock 'tis 's 'S",
    "1",
    "12 123 1234 12345 1234567",
    "100,000.50 $ 3.14159 -1e-10",
    "x1y22z333w4444",
    " 12  34",
    "١٢٣٤ ２０２４ Ⅻ ½ x²",
    "a_b __init__ snake_case_1",
    "def f(x):\n    return x_1 + x_2  # no more\n",
    "if (a<=b && c>=d) { e[0] ^= ~f | g; }",
    "C++ <html>&amp;</html> 50% $20 +1",
    "wait... what?! (really?) -- \"yes\"\n",
    "end.\n\nNext!\r\n",
    "東京は日本の首都です。",
    "你好，世界！123",
    "안녕하세요 세계",
    "привет, мир! ты's",
    "مرحبا بالعالم",
    "नमस्ते दुनिया",
    "naïve café",
    "nai\u0308ve cafe\u0301",
    "🙂👩\u200d👩\u200d👧🏽 x🙂y",
    "\u200b\ufeffzero",
    "İstanbul ß ǆ",
    BEGIN + "the river" + END + " bends",
    "unmerged mergeless",
    "a\u0000b\u0007c",
]
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"
LETTERS = r"|[^\r\n\p{L}\p{N}]?\p{L}+|"
REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
ANY_CASE = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
LLAMA_CPP = {
    "gpt-2": [GPT2],
    "smollm": [r"\p{N}", GPT2],
    "llama-bpe": [ANY_CASE + LETTERS + r"\p{N}{1,3}" + REST],
    "qwen2": [ANY_CASE + LETTERS + r"\p{N}" + REST],
    "default": [r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"],
}


def byte_level(cut):
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=cut)


def split(pattern):
    return pre_tokenizers.Split(Regex(pattern), "isolated")


HUGGING_FACE = {
    "gpt-2": byte_level(True),
    "smollm": pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level(True)]),
    "llama-bpe": pre_tokenizers.Sequence(
        [split("(?i:'s|'t|'re|'ve|'m|'ll|'d)" + LETTERS + r"\p{N}{1,3}" + REST), byte_level(False)]
    ),
    "qwen2": pre_tokenizers.Sequence([split("(?i:'s|'t|'re|'ve|'m|'ll|'d)" + LETTERS + r"\p{N}" + REST), byte_level(False)]),
    "default": pre_tokenizers.Sequence([split(pattern) for pattern in LLAMA_CPP["default"]] + [byte_level(False)]),
}


def learnt():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = byte_level(False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=500, initial_alphabet=alphabet, special_tokens=[BEGIN, END], max_token_length=8, show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    vocabulary = model["vocab"]
    vocabulary["unmerged"] = len(vocabulary)  # found only where whole words are looked up before any merge
    return vocabulary, [tuple(merge) for merge in model["merges"]]


VOCABULARY, MERGES = learnt()


def tokenizer_of(way, pre_tokenizer):
    tokenizer = Tokenizer(models.BPE(VOCABULARY, MERGES, ignore_merges=way == "llama-bpe"))
    tokenizer.pre_tokenizer = pre_tokenizer
    if way == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    if way == "llama-bpe":
        tokenizer.post_processor = processors.TemplateProcessing(
            single=BEGIN + " $A", special_tokens=[(BEGIN, VOCABULARY[BEGIN])]
        )
    tokenizer.add_special_tokens([BEGIN, END])
    return tokenizer


def cut(text, pattern):
    """The matches, and what lies between them."""
    at = 0
    for match in regex.finditer(pattern, text):
        if match.start() > at:
            yield text[at : match.start()]
        if match.group():
            yield match.group()
        at = match.end()
    if at < len(text):
        yield text[at:]


def by_patterns(way, text):
    whole = tokenizer_of(way, byte_level(False))  # words are given one at a time
    ids = [VOCABULARY[BEGIN]] if way == "llama-bpe" else []
    for part in regex.split("(" + regex.escape(BEGIN) + "|" + regex.escape(END) + ")", text):
        words = [part]
        if part not in (BEGIN, END):
            if way == "qwen2":
                words = [normalizers.NFC().normalize_str(part)]
            for pattern in LLAMA_CPP[way]:
                words = [piece for word in words for piece in cut(word, pattern)]
        for word in words:
            ids += whole.encode(word, add_special_tokens=False).ids
    return ids


expected = {}
for way, pre_tokenizer in HUGGING_FACE.items():
    tokenizer = tokenizer_of(way, pre_tokenizer)
    expected[way] = [tokenizer.encode(text).ids for text in TEXTS]
    for text, ids in zip(TEXTS, expected[way]):
        assert by_patterns(way, text) == ids, (way, text, ids, by_patterns(way, text))
for a in expected:
    for b in expected:
        assert a == b or expected[a] != expected[b], (a, b)
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "words.json")
with open(path, "w", encoding="utf-8") as out:
    tokens = sorted(VOCABULARY, key=VOCABULARY.get)
    merges = [" ".join(merge) for merge in MERGES]
    json.dump({"tokens": tokens, "merges": merges, "texts": TEXTS, "ids": expected}, out, separators=(",", ":"))
    out.write("\n")
