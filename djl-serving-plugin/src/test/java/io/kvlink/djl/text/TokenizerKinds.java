// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.text;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Small tokenizers of the kinds that published models have, each written as its file. */
public enum TokenizerKinds {
    /** GPT-2, Qwen, Llama 3. */
    BYTE_LEVEL("BPE", "{'type':'ByteLevel','add_prefix_space':false,'trim_offsets':true}"),
    /** Llama 2, Mistral, TinyLlama, CodeLlama. */
    BYTE_FALLBACK(
            "BPE",
            sequence(
                    replace("{'String':'▁'}", " "),
                    "{'type':'ByteFallback'}",
                    "{'type':'Fuse'}",
                    "{'type':'Strip','content':' ','start':1,'stop':0}")),
    /** Gemma, and some conversions of Llama: the first space stays. */
    BYTE_FALLBACK_UNSTRIPPED(
            "BPE",
            sequence(replace("{'String':'▁'}", " "), "{'type':'ByteFallback'}", "{'type':'Fuse'}")),
    /** Strips more than one token may have. */
    STRIP_THREE(
            "BPE",
            sequence(
                    "{'type':'ByteFallback'}",
                    "{'type':'Metaspace','replacement':'▁','prepend_scheme':'never'}",
                    "{'type':'Fuse'}",
                    "{'type':'Strip','content':' ','start':3,'stop':0}")),
    /** T5. */
    METASPACE_ALWAYS("Unigram", metaspace("always")),
    METASPACE_FIRST("Unigram", metaspace("first")),
    METASPACE_NEVER("Unigram", metaspace("never")),
    UNIGRAM_BYTE_FALLBACK("Unigram", sequence("{'type':'ByteFallback'}", metaspace("always"))),
    /** BERT. */
    WORD_PIECE("WordPiece", "{'type':'WordPiece','prefix':'##','cleanup':true}"),
    WORD_PIECE_UNCLEANED("WordPiece", "{'type':'WordPiece','prefix':'##','cleanup':false}"),
    /** XLM, CLIP. */
    WORD_END("BPE", "{'type':'BPEDecoder','suffix':'</w>'}"),
    /** Wav2Vec2. */
    CTC(
            "WordLevel",
            "{'type':'CTC','pad_token':'<pad>','word_delimiter_token':'|','cleanup':true}"),
    NO_DECODER("WordLevel", "null"),
    /** Each character replaced in the whole text: what is before stays. */
    REPLACED_CHARACTERS("BPE", sequence("{'type':'Fuse'}", replace("{'String':'▁'}", " "))),
    /** Matches may begin in one token and end in another. */
    REPLACED_TEXTS(
            "BPE",
            sequence(
                    "{'type':'Fuse'}",
                    replace("{'Regex':'[ab.▁]+'}", "-"),
                    replace("{'String':'😀x'}", "😁")));

    /** Ids of these in every kind. */
    public static final int BEGIN = 1;

    public static final int END = 2;

    private static final List<String> WORDS =
            List.of(
                    "▁",
                    "▁▁",
                    "▁▁▁▁",
                    "a",
                    "b",
                    ".",
                    "n't",
                    "'",
                    "s",
                    "▁Leo",
                    "▁is",
                    "▁happy",
                    "x",
                    "y",
                    "z",
                    "w",
                    "say",
                    "龍",
                    "😀",
                    "é",
                    "\uFFFD",
                    "##ing",
                    "##",
                    "hello</w>",
                    "</w>",
                    "|",
                    "<pad>",
                    " do not",
                    "▁don",
                    " ",
                    "<0x4",
                    "do",
                    "not",
                    "ok",
                    "return",
                    "▁ok",
                    "▁end");

    private static final String PREFIX_SPACE =
            "{'type':'Sequence','normalizers':[{'type':'Prepend','prepend':'▁'},"
                    + "{'type':'Replace','pattern':{'String':' '},'content':'▁'}]}";
    private static final String BEGINS =
            "{'type':'TemplateProcessing','single':[{'SpecialToken':{'id':'<s>','type_id':0}},"
                    + "{'Sequence':{'id':'A','type_id':0}}],'pair':"
                    + "[{'Sequence':{'id':'A','type_id':0}},{'Sequence':{'id':'B','type_id':1}}],"
                    + "'special_tokens':{'<s>':{'id':'<s>','ids':[1],'tokens':['<s>']}}}";

    // Each made once: properties ask for them at every try.
    private static final Map<TokenizerKinds, List<String>> TOKENS = new ConcurrentHashMap<>();

    private final String model;
    private final String decoder;

    TokenizerKinds(String model, String decoder) {
        this.model = model;
        this.decoder = decoder;
    }

    /** Loads one, written for this. */
    public Tokenizer load() {
        try {
            Path directory = Files.createTempDirectory("tokenizer");
            Path file = directory.resolve("tokenizer.json");
            Files.writeString(file, json().toString());
            Tokenizer loaded = Tokenizer.load(directory);
            Files.delete(file);
            Files.delete(directory);
            return loaded;
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    /** Number of ids, added tokens among them. */
    public int vocabulary() {
        return tokens().size() + 2;
    }

    /** The file. */
    public JsonObject json() {
        JsonObject json =
                parse(
                        "{'version':'1.0','truncation':null,'padding':null,'normalizer':null,"
                                + "'pre_tokenizer':null,'post_processor':null,'decoder':"
                                + decoder
                                + "}");
        List<String> tokens = tokens();
        JsonArray added = new JsonArray();
        for (int special = 0; special <= END; special++) {
            added.add(addedToken(special, tokens.get(special), true));
        }
        added.add(addedToken(tokens.size(), "<tool call>", false));
        added.add(addedToken(tokens.size() + 1, "<|im_end|>", true));
        json.add("added_tokens", added);
        if (this == BYTE_FALLBACK) {
            json.add("normalizer", parse(PREFIX_SPACE));
            json.add("post_processor", parse(BEGINS));
        }
        json.add("model", model(tokens));
        return json;
    }

    /** All tokens but those that are only added, by id. */
    public List<String> tokens() {
        return TOKENS.computeIfAbsent(this, TokenizerKinds::newTokens);
    }

    private List<String> newTokens() {
        List<String> tokens = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
        if (this == BYTE_LEVEL) {
            addBytes(tokens);
            // Whole characters, halves, and ends of one with the beginning of another.
            for (String hex : List.of("2061", "6263", "f09f", "9880", "e9be", "8d20f0", "20e9")) {
                tokens.add(alphabet(hex));
            }
            return tokens;
        }
        for (int value = 0; value < 256; value++) {
            tokens.add(String.format(Locale.ROOT, "<0x%02X>", value));
        }
        tokens.addAll(WORDS);
        return tokens;
    }

    private static void addBytes(List<String> tokens) {
        for (int value = 0; value < 256; value++) {
            tokens.add(alphabet(String.format(Locale.ROOT, "%02x", value)));
        }
    }

    /** Bytes as GPT-2 writes them. */
    private static String alphabet(String hex) {
        StringBuilder text = new StringBuilder();
        for (int at = 0; at < hex.length(); at += 2) {
            int value = Integer.parseInt(hex.substring(at, at + 2), 16);
            int others = 0;
            for (int before = 0; before < value; before++) {
                others += printable(before) ? 0 : 1;
            }
            text.append((char) (printable(value) ? value : 256 + others));
        }
        return text.toString();
    }

    private static boolean printable(int value) {
        return new String(new byte[] {(byte) value}, StandardCharsets.ISO_8859_1)
                .matches("[!-~¡-¬®-ÿ]");
    }

    private JsonObject model(List<String> tokens) {
        JsonObject made = new JsonObject();
        made.addProperty("type", model);
        if (model.equals("Unigram")) {
            JsonArray pieces = new JsonArray();
            for (String token : tokens) {
                JsonArray piece = new JsonArray();
                piece.add(token);
                piece.add(-1.0);
                pieces.add(piece);
            }
            made.add("vocab", pieces);
            made.addProperty("unk_id", 0);
            made.addProperty("byte_fallback", true);
            return made;
        }
        JsonObject vocabulary = new JsonObject();
        tokens.forEach(token -> vocabulary.addProperty(token, vocabulary.size()));
        made.add("vocab", vocabulary);
        made.addProperty("unk_token", "<unk>");
        if (model.equals("BPE")) {
            made.add("merges", new JsonArray());
            made.addProperty("byte_fallback", true);
        }
        if (model.equals("WordPiece")) {
            made.addProperty("continuing_subword_prefix", "##");
            made.addProperty("max_input_chars_per_word", 100);
        }
        return made;
    }

    private static JsonObject addedToken(int id, String content, boolean special) {
        JsonObject token = new JsonObject();
        token.addProperty("id", id);
        token.addProperty("content", content);
        for (String flag : List.of("single_word", "lstrip", "rstrip", "normalized")) {
            token.addProperty(flag, false);
        }
        token.addProperty("special", special);
        return token;
    }

    private static String sequence(String... decoders) {
        return "{'type':'Sequence','decoders':[" + String.join(",", decoders) + "]}";
    }

    private static String replace(String pattern, String content) {
        return "{'type':'Replace','pattern':" + pattern + ",'content':'" + content + "'}";
    }

    private static String metaspace(String scheme) {
        return "{'type':'Metaspace','replacement':'▁','prepend_scheme':'"
                + scheme
                + "','split':true}";
    }

    private static JsonObject parse(String text) {
        return JsonParser.parseString(text.replace('\'', '"')).getAsJsonObject();
    }
}
