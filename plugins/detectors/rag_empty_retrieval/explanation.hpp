// What an operator reads about RAG_EMPTY_RETRIEVAL: texts with placeholders over the evidence of rule 3.5, rendered by
// the host. Static data only; the language is in docs/templates.md.
#pragma once
#include <dunetrace/detector.hpp>

namespace rag_empty_retrieval_text {

inline constexpr dune_fix kFixes[] = {
    {dunetrace::lit("Answer only when the retrieval is good enough"), dunetrace::lit("python"),
     dunetrace::lit(R"py(MIN_RESULTS = 1
MIN_SCORE = 0.3

def usable(hits):
    return [hit for hit in hits if hit.get("score") is None or hit["score"] >= MIN_SCORE]

def answer_from(hits, ask_model):
    good = usable(hits)
    if len(good) < MIN_RESULTS:
        return "I found nothing about this in the knowledge base."
    return ask_model(context=good)
)py")},
    {dunetrace::lit("Tell the model to admit that nothing was found"), dunetrace::lit("text"),
     dunetrace::lit(
         "Use only the retrieved passages. If there are none, or they do not answer the question, say that you "
         "found nothing about it. Do not fill the gap from memory.")},
    {dunetrace::lit("Check the index itself"), dunetrace::lit("text"),
     dunetrace::lit("Index {index_name|quote|or:\"(name not recorded)\"}:\n"
                    "1. When was it last filled, and does it contain the documents this question needs?\n"
                    "2. Are queries embedded with the same model, version and normalisation as the documents?\n"
                    "3. Does a filter (tenant, language, date) remove every hit?\n"
                    "4. Run a query with a known answer and look at its score.")},
};

inline constexpr dune_template kExplanations[] = {
    {sizeof(dune_template), sizeof(kFixes) / sizeof(kFixes[0]), dunetrace::lit("RAG_EMPTY_RETRIEVAL"),
     dunetrace::lit("Answered without usable results from {index_name|quote|or:\"a retrieval index\"}"),
     dunetrace::lit("A retrieval from {index_name|quote|or:\"an index\"} returned "
                    "{?result_count=0}no results{:}{result_count|plural:\"result\"}"
                    "{?top_score!=null} with a best score of {top_score}{/}, which is below the limit for a usable "
                    "retrieval{/}. The agent gave a final answer anyway."
                    "{?bad_retrievals>1} This happened in {bad_retrievals|plural:\"retrieval\"} of the run.{/}"),
     dunetrace::lit("The answer is not grounded in any document but looks as if it were, so neither the user nor a "
                    "reviewer can tell."),
     dunetrace::lit("Index {index_name|quote|or:\"unknown\"}: {result_count|plural:\"result\"}, best score "
                    "{top_score|or:\"not reported\"}; retrievals below the limit in this run: {bad_retrievals}. "
                    "Confidence: {confidence|pct}%"),
     kFixes},
};

}  // namespace rag_empty_retrieval_text
